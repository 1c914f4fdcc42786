// log_probs[i] = logits[p, token] - logits[p, top] + log p(top), of node i's token after its parent p: what the target itself
// says of every guess of the last tree. The root, which no row is before, gives 0.
//
// Grid: one workgroup, a lane per node.

override WORKGROUP_SIZE: u32 = 64;

struct Params {
  vocab: u32,
  nodes: u32,
  k: u32, // candidates per row
}

@group(0) @binding(0) var<storage, read> tree: TokenTree;
@group(0) @binding(1) var<storage, read> logits: array<f32>;           // [nodes, vocab]
@group(0) @binding(2) var<storage, read> candidates: array<Candidate>; // [nodes, k], best first
@group(0) @binding(3) var<storage, read_write> log_probs: array<f32>;  // [nodes]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  for (var i = lane; i < params.nodes; i += WORKGROUP_SIZE) {
    let parent = tree.parent[i];
    if (parent == NO_PARENT) {
      log_probs[i] = 0.0;
      continue;
    }
    let best = candidates[parent * params.k];
    let row = parent * params.vocab;
    let below = logits[row + tree.token[i]] - logits[row + best.token];
    log_probs[i] = min(below + best.score, 0.0);
  }
}
