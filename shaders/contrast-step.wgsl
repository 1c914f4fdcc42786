// chosen = argmax_i (1 - alpha) exp(tree.score[1 + i]) - alpha max_g similarities[g, i], the lowest i on a tie: commits the
// candidate, and makes the best of the row that follows it the next candidates.
//
// Grid: one workgroup. Lanes share out candidates and parts of the text; then one lane chooses. The tree is a root, the
// last committed token, and its children, the candidates, the most probable first. A candidate of probability 0 is chosen
// only where all are. An opening step chooses nothing: its candidates follow the root itself, in row 0.

override WORKGROUP_SIZE: u32 = 128; // at most 256, at least MOST_CANDIDATES

const MOST_CANDIDATES = 16u;
const LOWEST = -3.0e38;

struct Params {
  candidates: u32, // 1..MOST_CANDIDATES
  alpha: f32,      // 0..1
  opening: u32,    // 1: an opening step
}

@group(0) @binding(0) var<storage, read> candidates: array<Candidate>; // [rows, candidates]: what follows each row, best first
@group(0) @binding(1) var<storage, read> similarities: array<f32>;     // [slots / 4, candidates]
@group(0) @binding(2) var<storage, read_write> tree: TokenTree;
@group(0) @binding(3) var<storage, read_write> control: Control;
@group(0) @binding(4) var<storage, read_write> ring: array<RoundRecord>; // [RING_ROUNDS]
@group(0) @binding(5) var<uniform> params: Params;

var<workgroup> largest: array<f32, 256>;         // of each lane's part of the text
var<workgroup> penalties: array<f32, MOST_CANDIDATES>;

fn choose() -> u32 {
  var chosen = 0u;
  var best = LOWEST;
  var probability = 1.0;
  for (var i = 0u; i < params.candidates; i += 1u) {
    let log_probability = tree.score[1u + i];
    if (order_key(log_probability) <= NEGATIVE_INFINITY_KEY) { break; }
    // exp is inexact, so the order that holds for exact numbers is put back.
    probability = min(probability, exp(log_probability));
    let value = (1.0 - params.alpha) * probability - params.alpha * penalties[i];
    if (value > best) {
      best = value;
      chosen = i;
    }
  }
  return chosen;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  let parts = WORKGROUP_SIZE / params.candidates;
  let groups = control.base / 4u + 1u;
  var similarity = LOWEST;
  if (lane < parts * params.candidates && params.opening == 0u) {
    for (var g = lane / params.candidates; g < groups; g += parts) {
      similarity = max(similarity, similarities[g * params.candidates + lane % params.candidates]);
    }
  }
  largest[lane] = similarity;
  workgroupBarrier();
  if (lane < params.candidates) {
    for (var part = 1u; part < parts; part += 1u) {
      similarity = max(similarity, largest[part * params.candidates + lane]);
    }
    penalties[lane] = similarity;
  }
  workgroupBarrier();
  if (lane != 0u) { return; }

  var row = 0u;
  if (params.opening == 0u) {
    row = choose();
    commit_round(0u, tree.token[1u + row], true, 1u);
    if (control.done == 1u) { return; }
    // Its keys, values and unit stand at its node's slot; its place is the root's successor.
    control.accepted = 1u;
    control.path[1] = 1u + row;
  }
  for (var i = 0u; i < params.candidates; i += 1u) {
    let next = candidates[row * params.candidates + i];
    tree.token[1u + i] = next.token;
    tree.score[1u + i] = next.score;
  }
}
