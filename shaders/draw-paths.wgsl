// candidates[j] = a token drawn from the draft's distribution for path j, independently of all others:
// argmax_c log_probs[row(j), c] + G(node of j, c), with its log-probability.
//
// Grid: one workgroup per path. Lanes stride over the columns.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const ROOT = 1u; // in the candidate tree; row 0 of log_probs is the root's

struct Params {
  vocab: u32,
  frontier_start: u32, // the node that path 0 stands at
  step: u32,           // 1: path j stands at node start + j; 0: all paths at the same
  level_start: u32,    // the node that path 0's token becomes
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> log_probs: array<f32>;              // [nodes, vocab], what warp-rows kept
@group(0) @binding(2) var<storage, read_write> candidates: array<Candidate>; // [paths]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let path = group.x;
  let row = (params.frontier_start - ROOT + params.step * path) * params.vocab;
  let place = draw_place(control.base, params.level_start + path);
  var own = Ranked(0u, NO_ID);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let log_p = log_probs[row + c];
    if (order_key(log_p) > NEGATIVE_INFINITY_KEY) {
      let perturbed = log_p + gumbel(control.seed, DRAFT_NOISE, place, c);
      let candidate = Ranked(order_key(perturbed), c);
      if (beats(candidate, own)) { own = candidate; }
    }
  }
  let found = best_of_lanes(lane, own);
  if (lane == 0u) {
    let token = min(found.id, params.vocab - 1u);
    candidates[path] = Candidate(token, log_probs[row + token]);
  }
}
