// The k-th child x of a node is accepted if u q_k(x) < r_k(x), with r_1 = p, r_k+1 = the positive part of r_k - q_k,
// q_k = q without the children before it, both normalised; where no child is, one token more is drawn from r.
// (Recursive rejection sampling without replacement: RSD, arXiv 2402.14160. A chain is speculative sampling.)
//
// Grid: one workgroup. Lane 0 walks from the root, and all lanes pass over the vocabulary once per rejected
// child and once for the last token. Lossless where a node's children were drawn without replacement from
// its row of `draft_rows`, and neither their order nor their number depends on the tokens to come.

override WORKGROUP_SIZE: u32 = 256; // at most 256

struct Params {
  nodes: u32,
  vocab: u32,
}

// Log-probabilities. A node's rows become unnormalised r and q with the first rejection there.
@group(0) @binding(0) var<storage, read_write> target_rows: array<f32>; // [nodes, vocab], p after each node
@group(0) @binding(1) var<storage, read_write> draft_rows: array<f32>;  // [nodes, vocab], q; leaves' are not read
@group(0) @binding(2) var<storage, read> tree: TokenTree;
@group(0) @binding(3) var<storage, read_write> control: Control;
@group(0) @binding(4) var<storage, read_write> ring: array<RoundRecord>; // [RING_ROUNDS]
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> node: u32;         // where the walk stands
var<workgroup> tried: u32;        // the last child that was looked at; `node`: none was
var<workgroup> is_fresh: bool;    // no child of `node` has been rejected
var<workgroup> masses: vec2<f32>; // what r and q add up to, unless the node is fresh
var<workgroup> is_rejected: u32;
var<private> accepted: u32;

fn target_share(token: u32) -> f32 {
  let x = target_rows[node * params.vocab + token];
  if (is_fresh) { return probability(x); }
  return x / masses.x;
}

fn draft_share(token: u32) -> f32 {
  let x = draft_rows[node * params.vocab + token];
  if (is_fresh) { return probability(x); }
  return x / masses.y;
}

fn stand_at(next: u32) {
  node = next;
  tried = next;
  is_fresh = true;
}

fn accept(child: u32) {
  accepted += 1u;
  control.path[accepted] = child;
  stand_at(child);
}

// Accepts children, until one is rejected (true) or there is none to try (false).
fn walk() -> bool {
  while (accepted + 1u < LEVEL_CAPACITY) {
    let child = next_child(node, tried);
    if (child == NO_CHILD) { return false; }
    if (!is_fresh && min(masses.x, masses.y) < SMALLEST) { return false; }
    tried = child;
    let token = tree.token[child];
    // Strict, so that no token of probability zero is accepted; a product, so that nothing is divided by zero.
    if (!(acceptance_number(child) * draft_share(token) < target_share(token))) { return true; }
    accept(child);
  }
  return false;
}

// Takes the draft's share off the target's and the rejected token off the draft; what both still add up to.
// The sums are new ones: one minus what was taken off would cancel.
fn reject(lane: u32, rejected: u32) -> vec2<f32> {
  let row = node * params.vocab;
  var own = vec2(0.0);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let r = target_share(c);
    let q = draft_share(c);
    var left = vec2(max(r - q, r * KEPT), q);
    if (c == rejected) { left = vec2(0.0); }
    target_rows[row + c] = left.x;
    draft_rows[row + c] = left.y;
    own += left;
  }
  storageBarrier();
  return add_lanes(lane, own);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) { stand_at(0u); }
  var share = 0.0;
  loop {
    if (lane == 0u) {
      is_rejected = u32(walk());
      if (is_rejected == 1u) { share = target_share(tree.token[tried]); }
    }
    if (workgroupUniformLoad(&is_rejected) == 0u) { break; }
    let left = reject(lane, tree.token[tried]);
    if (lane == 0u) {
      is_fresh = false;
      masses = left;
      // Nothing is left where r = q_k, but then the child is accepted for certain: only rounding comes here.
      if (left.x < NOTHING && share > 0.0) { accept(tried); }
    }
  }
  let token = draw_token(lane, node, is_fresh);
  if (lane != 0u) { return; }
  let is_leaf = next_child(node, node) == NO_CHILD;
  commit_round(accepted, min(token, params.vocab - 1u), is_leaf, params.nodes);
}
