// The end of every round, by one lane: writes the round's record and moves the control block on.
// A round after the last changes nothing, and none of its tokens count: rounds are encoded ahead.

override RING_ROUNDS: u32 = 32; // records in the ring

fn ends_text(token: u32) -> bool {
  for (var i = 0u; i < control.end_count; i += 1u) {
    if (control.end_tokens[i] == token) { return true; }
  }
  return false;
}

// From the lowest byte: how many nodes stand before `node` among its siblings, how many have a better score in the
// tree and in its level, and the score of its best child, as the probability of which it is the logarithm, in 255ths:
// at least 1, or 0 where there is no child. The root's own places count nothing.
fn step_of(node: u32, nodes: u32) -> u32 {
  var rank = 0u;
  var place = 0u;
  var place_in_level = 0u;
  var sureness = 0u;
  var best = -3.4e38;
  for (var i = 0u; i < nodes; i += 1u) {
    let is_before = i < node;
    let is_better = tree.score[i] > tree.score[node] || (is_before && tree.score[i] == tree.score[node]);
    rank += u32(is_before && i > 0u && tree.parent[i] == tree.parent[node]);
    place += u32(is_better);
    place_in_level += u32(is_better && tree.depth[i] == tree.depth[node]);
    if (i > node && tree.parent[i] == node) {
      best = max(best, tree.score[i]);
      sureness = max(1u, u32(exp(clamp(best - tree.score[node], -20.0, 0.0)) * 255.0 + 0.5));
    }
  }
  return rank | (place << 8u) | (place_in_level << 16u) | (sureness << 24u);
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
  for (var j = 0u; j <= accepted; j += 1u) {
    var emitted = token;
    if (j < accepted) { emitted = tree.token[control.path[j + 1u]]; }
    ring[record].steps[j] = step_of(control.path[j], nodes);
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
