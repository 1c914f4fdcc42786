// The k-th of K paths that agree so far goes on with a token x drawn from q; it is accepted if u q(x) < r_k(x), where
// SpecInfer has r_1 = p and r_k+1 = the positive part of r_k - q, normalised, and K-SEQ r_k = p / rho for all k.
// Where none is, one token more is drawn from what is left of p: r_K+1, or p - c min(q, p / rho).
// (SpecInfer: arXiv 2305.09781. K-SEQ: SpecTr, arXiv 2310.15141; 1 <= rho <= K solves c = rho, with
// b = sum of min(q, p / rho) accepted per draw and c = (1 - (1 - b)^K) / b draws looked at.)
//
// Grid: one workgroup. Lane 0 walks down the paths, and all lanes pass over the vocabulary: per rejected draw
// and once for the last token (SpecInfer), or PASSES times per level with more than one path (K-SEQ). Lossless where
// every path was drawn independently of the others, each token from its own node's row of `draft_rows`.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const K_SEQ = 1u;   // of `rule`; 0: SpecInfer
const PASSES = 30u; // halvings of [1, K] until rho is as fine as f32

struct Params {
  nodes: u32, // 1 + paths * their length
  vocab: u32,
  paths: u32, // at most NODES - 1
  rule: u32,
}

// Log-probabilities. Paths that agree have the same rows; those of the first of them become scratch.
@group(0) @binding(0) var<storage, read_write> target_rows: array<f32>; // [nodes, vocab], p after each node
@group(0) @binding(1) var<storage, read_write> draft_rows: array<f32>;  // [nodes, vocab], q; leaves' are not read
@group(0) @binding(2) var<storage, read> tree: TokenTree;               // path k's node at depth d: 1 + (d - 1) paths + k
@group(0) @binding(3) var<storage, read_write> control: Control;
@group(0) @binding(4) var<storage, read_write> ring: array<RoundRecord>; // [RING_ROUNDS]
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> node: u32;     // where the walk stands: the node of the first path that agrees
var<workgroup> depth: u32;
var<workgroup> tried: u32;    // draws looked at: paths below this one
var<workgroup> is_fresh: bool; // the node's rows are still log-probabilities
var<workgroup> mass: f32;     // what r adds up to, unless the node is fresh
var<workgroup> rho: f32;      // 1 for SpecInfer and for a single path; 0: not known yet
var<workgroup> draws: f32;    // c
var<workgroup> agreeing: u32; // K
var<workgroup> disagrees: array<u32, NODES>; // by path
var<workgroup> needs_pass: u32;

fn target_share(token: u32) -> f32 {
  let x = target_rows[node * params.vocab + token];
  if (is_fresh) { return probability(x); }
  return x / mass;
}

fn draft_share(token: u32) -> f32 {
  let x = draft_rows[node * params.vocab + token];
  if (is_fresh) { return probability(x); }
  return x;
}

fn path_node(path: u32, at_depth: u32) -> u32 {
  return select(1u + (at_depth - 1u) * params.paths + path, 0u, at_depth == 0u);
}

fn is_leaf() -> bool {
  return 1u + depth * params.paths >= params.nodes;
}

// The token of the last draw that was looked at.
fn rejected_token() -> u32 {
  return tree.token[path_node(tried - 1u, depth + 1u)];
}

// Looks at the paths that go on as `path` does; those that do not are done.
fn stand_at(at_depth: u32, path: u32) {
  let token = tree.token[path_node(path, at_depth)];
  var first = params.paths;
  agreeing = 0u;
  for (var k = params.paths; k > 0u; k -= 1u) {
    let other = k - 1u;
    if (at_depth > 0u && tree.token[path_node(other, at_depth)] != token) { disagrees[other] = 1u; }
    if (disagrees[other] == 1u) { continue; }
    first = other;
    agreeing += 1u;
  }
  depth = at_depth;
  node = path_node(first, at_depth);
  tried = 0u;
  is_fresh = true;
  mass = 1.0;
  rho = select(1.0, 0.0, params.rule == K_SEQ && agreeing > 1u);
  draws = 1.0;
}

// Accepts draws, until all lanes are needed (true) or the walk is over (false). They are to take a rejected draw off
// r, or before K-SEQ's first draw of a level to find rho.
fn walk() -> bool {
  while (!is_leaf()) {
    if (rho == 0.0) { return true; }
    if (tried >= params.paths || mass < SMALLEST) { return false; }
    let path = tried;
    tried += 1u;
    if (disagrees[path] == 1u) { continue; }
    let child = path_node(path, depth + 1u);
    let token = tree.token[child];
    // Strict, so that no token of probability zero is accepted.
    if (acceptance_number(child) * rho * draft_share(token) < target_share(token)) {
      stand_at(depth + 1u, path);
    } else if (params.rule != K_SEQ) {
      return true;
    }
  }
  return false;
}

// Takes the draft's whole law off the target's: a later draw was made from all of it. What r still adds up to.
fn reject(lane: u32, rejected: u32) -> f32 {
  let row = node * params.vocab;
  var own = 0.0;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let r = target_share(c);
    let q = draft_share(c);
    var left = max(r - q, r * KEPT);
    if (c == rejected) { left = 0.0; }
    target_rows[row + c] = left;
    draft_rows[row + c] = q;
    own += left;
  }
  storageBarrier();
  return add_lanes(lane, vec2(own, 0.0)).x;
}

// (1 - (1 - b)^K) / b without its cancellation: the sum of (1 - b)^k for k below K.
fn looks(b: f32) -> f32 {
  var sum = 0.0;
  for (var k = 0u; k < agreeing; k += 1u) { sum = 1.0 + sum * (1.0 - min(b, 1.0)); }
  return sum;
}

// Of rows that are probabilities already, as is each lane's own part of them in `solve`.
fn accepted_per_draw(lane: u32, at_rho: f32) -> f32 {
  let row = node * params.vocab;
  var own = 0.0;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    own += min(draft_rows[row + c], target_rows[row + c] / at_rho);
  }
  return add_lanes(lane, vec2(own, 0.0)).x;
}

// rho and c. From above: a smaller rho would accept some token more often than the target has it, a larger one never does.
fn solve(lane: u32) -> vec2<f32> {
  let row = node * params.vocab;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    target_rows[row + c] = probability(target_rows[row + c]);
    draft_rows[row + c] = probability(draft_rows[row + c]);
  }
  storageBarrier();
  var bounds = vec2(1.0, f32(agreeing));
  var found = 0.0;
  for (var i = 0u; i <= PASSES; i += 1u) {
    // The last pass is for c.
    let middle = select(0.5 * (bounds.x + bounds.y), bounds.y, i == PASSES);
    found = looks(accepted_per_draw(lane, middle));
    if (found > middle) { bounds.x = middle; } else { bounds.y = middle; }
  }
  return vec2(bounds.y, found);
}

// What no draw of K-SEQ was accepted for; each lane for the columns that it draws from.
fn leave_residual(lane: u32) {
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let p = target_share(c);
    let taken = draws * min(draft_share(c), p / rho);
    target_rows[node * params.vocab + c] = max(p - taken, p * KEPT);
  }
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) { stand_at(0u, 0u); }
  var share = 0.0;
  loop {
    if (lane == 0u) {
      needs_pass = u32(walk());
      if (needs_pass == 1u && rho > 0.0) { share = target_share(rejected_token()); }
    }
    if (workgroupUniformLoad(&needs_pass) == 0u) { break; }
    if (params.rule == K_SEQ) {
      let solution = solve(lane);
      if (lane == 0u) {
        is_fresh = false;
        rho = solution.x;
        draws = solution.y;
      }
      continue;
    }
    let left = reject(lane, rejected_token());
    if (lane == 0u) {
      is_fresh = false;
      mass = left;
      // Nothing is left where r = q, but then the draw is accepted for certain: only rounding comes here.
      if (left < NOTHING && share > 0.0) { stand_at(depth + 1u, tried - 1u); }
    }
  }
  if (params.rule == K_SEQ && !is_leaf()) { leave_residual(lane); }
  let token = draw_token(lane, node, is_leaf());
  if (lane != 0u) { return; }
  for (var d = 1u; d <= depth; d += 1u) { control.path[d] = tree.ancestor[node][d]; }
  commit_round(depth, min(token, params.vocab - 1u), is_leaf(), params.nodes);
}
