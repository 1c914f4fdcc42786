// From the leaves to the root: a node entered with share a is kept if u < a, after each of its children x, in draw
// order, was entered with min(1, a r(x) / q(x)) and rejected: then a r becomes the positive part of a r - q, of mass Z,
// a = Z / (Z + 1 - a), and q loses x; r and q normalised. One token more is drawn from the kept node's r.
// (Traversal verification, arXiv 2505.12398. On a chain it is block verification, arXiv 2403.10444.)
//
// Grid: one workgroup. Lane 0 walks the tree in post-order, and all lanes pass over the vocabulary once per
// rejected node and once for the last token. Needs trees as `verify-recursive` does.

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

// Uniform numbers are multiples of 2^-24: a share this small is kept as rarely as one of zero, or too often.
const LEAST_SHARE = 0x1p-25;

// Of a node on the path to where the walk stands; what left that path never comes back to it.
struct Entered {
  share: f32,        // a
  tried: u32,        // the last child that was looked at; the node itself: none was
  is_fresh: bool,    // no child has been rejected
  masses: vec2<f32>, // what r and q add up to, unless the node is fresh
}

var<workgroup> entered: array<Entered, NODES>;
var<workgroup> node: u32; // where the walk stands
var<workgroup> is_rejected: u32;

fn target_share(token: u32) -> f32 {
  let x = target_rows[node * params.vocab + token];
  if (entered[node].is_fresh) { return probability(x); }
  return x / entered[node].masses.x;
}

fn draft_share(token: u32) -> f32 {
  let x = draft_rows[node * params.vocab + token];
  if (entered[node].is_fresh) { return probability(x); }
  return x / entered[node].masses.y;
}

fn enter(next: u32, share: f32) {
  entered[next] = Entered(share, next, true, vec2(0.0));
  node = next;
}

// The next child to enter; NO_CHILD after the last one, or where nothing is left to keep or to have drawn it from.
fn untried_child() -> u32 {
  let own = entered[node];
  if (own.share < LEAST_SHARE) { return NO_CHILD; }
  if (!own.is_fresh && min(own.masses.x, own.masses.y) < SMALLEST) { return NO_CHILD; }
  return next_child(node, own.tried);
}

// Enters children until a node is rejected (true: the last one tried of `node`) or kept (false: `node`).
fn walk() -> bool {
  loop {
    let share = entered[node].share;
    let child = untried_child();
    if (child == NO_CHILD) { break; }
    entered[node].tried = child;
    let token = tree.token[child];
    let claim = share * target_share(token);
    let drawn = draft_share(token);
    var child_share = select(0.0, 1.0, drawn > 0.0);
    if (claim < drawn) { child_share = claim / drawn; }
    // Shares only fall on the way down: nothing below this one can be kept.
    if (child_share < LEAST_SHARE) { return true; }
    enter(child, child_share);
  }
  // The root's share is always 1, and a node's with share 1 stays so.
  if (node == 0u || acceptance_number(node) < entered[node].share) { return false; }
  node = tree.parent[node];
  return true;
}

// Takes the draft's share off the target's and the rejected token off the draft; what both still add up to.
fn reject(lane: u32, rejected: u32) -> vec2<f32> {
  let row = node * params.vocab;
  let share = entered[node].share;
  var own = vec2(0.0);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let r = share * target_share(c);
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

fn settle(left: vec2<f32>) {
  let own = &entered[node];
  (*own).is_fresh = false;
  (*own).masses = left;
  if ((*own).share < 1.0) {
    (*own).share = left.x / (left.x + (1.0 - (*own).share));
  } else if (left.x < SMALLEST) {
    // Only the rejected child's token was left. It was to be accepted for certain, but for rounding.
    target_rows[node * params.vocab + tree.token[(*own).tried]] = 1.0;
  }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) { enter(0u, 1.0); }
  loop {
    if (lane == 0u) { is_rejected = u32(walk()); }
    if (workgroupUniformLoad(&is_rejected) == 0u) { break; }
    let left = reject(lane, tree.token[entered[node].tried]);
    if (lane == 0u) { settle(left); }
  }
  storageBarrier();
  let token = draw_token(lane, node, entered[node].is_fresh);
  if (lane != 0u) { return; }
  let depth = tree.depth[node];
  for (var d = 1u; d <= depth; d += 1u) { control.path[d] = tree.ancestor[node][d]; }
  let is_leaf = next_child(node, node) == NO_CHILD;
  commit_round(depth, min(token, params.vocab - 1u), is_leaf, params.nodes);
}
