// candidates[f, j].score = psi(f, j) - psi(f): the stochastic beam search of RSD-S. With phi a path's log-probability,
// g = phi + Gumbel noise, T = psi of the node and Z the largest g of its row,
// psi = -log(exp(-T) - exp(-Z) + exp(-g)): g made smaller, so that the largest of a row is T.
// (Kool, van Hoof and Welling 2019, arXiv 1903.06059, Algorithm 1 and Appendix B.3)
//
// Grid: one workgroup per row of candidates, a lane per candidate. Needs a row in the order of g, and keeps that order.

override WORKGROUP_SIZE: u32 = 64; // at most 64

const ROOT = 1u; // in the candidate tree; row 0 of log_probs is the root's

struct Params {
  vocab: u32,
  frontier_start: u32, // the first node of the level above; candidates' row f is node start + f
  frontier_count: u32,
  k: u32,              // at most WORKGROUP_SIZE
  shared_noise: u32,   // 1: the noise that draft and target share; 0: the draft's own
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree; // score = psi
@group(0) @binding(2) var<storage, read> log_probs: array<f32>; // [nodes, vocab], what warp-rows kept
@group(0) @binding(3) var<storage, read_write> candidates: array<Candidate>; // [frontier_count, k]
@group(0) @binding(4) var<uniform> params: Params;

const EXCLUDED = -3.0e38; // stands for -infinity, which a compiler may assume not to exist

var<workgroup> scores: array<f32, 64>;

// log(1 - exp(a)) for a < 0, by the series of 1 - exp(a) where the subtraction would cancel.
fn log1mexp(a: f32) -> f32 {
  if (a < -0.25) { return log(1.0 - exp(a)); }
  return log(-a * (1.0 + a * (0.5 + a * (0.16666667 + a * (0.041666668 + a * 0.008333334)))));
}

fn log_prob(node: u32, token: u32) -> f32 {
  return log_probs[(node - ROOT) * params.vocab + token];
}

// The log-probability of the path from the root to a node, the root excluded.
fn path_log_prob(node: u32) -> f32 {
  var phi = 0.0;
  for (var at = node; at > ROOT; at = tree.parent[at]) {
    phi += log_prob(tree.parent[at], tree.token[at]);
  }
  return phi;
}

fn noise(node: u32, token: u32) -> f32 {
  if (params.shared_noise == 1u) {
    // Depth 1 is the root, which stands at position `base`.
    return gumbel(control.seed, TOKEN_NOISE, control.base + tree.depth[node], token);
  }
  return gumbel(control.seed, DRAFT_NOISE, draw_place(control.base, node), token);
}

fn score(f: u32, j: u32) -> f32 {
  let node = params.frontier_start + f;
  let token = candidates[f * params.k + j].token;
  let log_q = log_prob(node, token);
  let parent = tree.score[node];
  if (order_key(log_q) <= NEGATIVE_INFINITY_KEY || parent <= EXCLUDED) { return EXCLUDED; }
  let first = candidates[f * params.k].token;
  // Without the path's phi, which g and Z share: the very numbers that the row was ordered by.
  let own = log_q + noise(node, token);
  let most = log_prob(node, first) + noise(node, first);
  if (own >= most) { return 0.0; }
  // psi - T = -max(0, v) - log(1 + exp(-|v|)), v = T - g + log(1 - exp(g - Z)); the row's first has psi = T.
  let v = parent - (path_log_prob(node) + own) + log1mexp(own - most);
  return max(-max(v, 0.0) - log(1.0 + exp(-abs(v))), EXCLUDED);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  if (lane < params.k) { scores[lane] = score(group.x, lane); }
  workgroupBarrier();
  if (lane >= params.k) { return; }
  // exp and log need not be monotonic, but grow-level counts on rows that fall.
  var least = scores[0];
  for (var j = 1u; j <= lane; j += 1u) { least = min(least, scores[j]); }
  candidates[group.x * params.k + lane].score = least;
}
