// A row's text: what is committed, and the path from the root to the row's node. Its kernel declares `control`, `tree`,
// `history` and `params.lag`.

struct Text {
  committed: u32, // tokens up to the root, which is one of them
  depth: u32,     // tokens after these
}

var<workgroup> path: array<u32, LEVELS>; // the row's tokens after the root

fn text_of(node: u32) -> Text {
  return Text(control.base + 1u, tree.depth[node] - params.lag);
}

// For all lanes; a barrier must follow.
fn read_path(node: u32, depth: u32, lane: u32) {
  for (var d = lane; d < depth; d += WORKGROUP_SIZE) {
    path[d] = tree.token[tree.ancestor[node][params.lag + 1u + d]];
  }
}

fn token_at(text: Text, position: u32) -> u32 {
  if (position < text.committed) { return history[position]; }
  return path[position - text.committed];
}
