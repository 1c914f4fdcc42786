// The end of every round, by one lane: writes the round's record and moves the control block on.
// A round after the last changes nothing, and none of its tokens count: rounds are encoded ahead.

override RING_ROUNDS: u32 = 32; // records in the ring

fn ends_text(token: u32) -> bool {
  for (var i = 0u; i < control.end_count; i += 1u) {
    if (control.end_tokens[i] == token) { return true; }
  }
  return false;
}

fn rank_of(node: u32) -> u32 {
  var rank = 0u;
  for (var i = 1u; i < node; i += 1u) { rank += u32(tree.parent[i] == tree.parent[node]); }
  return rank;
}

// `control.path[1..accepted]` are the accepted nodes, and `token` follows them.
fn commit_round(accepted: u32, token: u32, is_leaf: bool, nodes: u32) {
  control.path[0] = 0u;
  control.round_base = control.base;
  control.accepted = 0u;
  if (control.done == 1u) { return; }

  let record = control.round % RING_ROUNDS;
  var depth = 0u;
  for (var i = 0u; i < nodes; i += 1u) { depth = max(depth, tree.depth[i]); }
  for (var word = 0u; word < RANK_WORDS; word += 1u) { ring[record].ranks[word] = 0u; }
  for (var j = 0u; j <= accepted; j += 1u) {
    var emitted = token;
    if (j < accepted) {
      let node = control.path[j + 1u];
      emitted = tree.token[node];
      ring[record].ranks[j / 4u] |= rank_of(node) << (8u * (j % 4u));
    }
    ring[record].tokens[j] = emitted;
    let is_full = control.limit > 0u && control.base + j + 2u >= control.limit;
    if (is_full || ends_text(emitted)) { control.done = 1u; }
  }
  ring[record].accepted = accepted;
  ring[record].leaf = u32(is_leaf);
  ring[record].base = control.base;
  ring[record].nodes = nodes;
  ring[record].depth = depth;
  ring[record].stamp = control.round + 1u;
  control.round += 1u;
  if (control.done == 1u) { return; }

  control.previous = control.pending;
  if (accepted > 0u) { control.previous = tree.token[control.path[accepted]]; }
  control.pending = token;
  control.accepted = accepted;
  control.base += accepted + 1u;
}
