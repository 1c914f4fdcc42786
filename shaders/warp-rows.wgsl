// logits[r, c] = sharpness (log p[c] + noise G(c)), with p = softmax of the kept logits[r, :] / temperature
// and 0 elsewhere, kept = the top_k largest, of those the fewest that hold a share of top_p, of those
// the ones at least min_p as probable as the first; log_probs[log_row + r, c] = log p[c].
// In Hugging Face's order. A token tied with the last one kept is kept too, so that no rule for ties enters.
//
// Grid: one workgroup per row. A cut is a number that all kept logits reach, found among the integers that
// order like them: a pass over the row tries four cuts, so fourteen passes find one of 2^32.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const FAN_IN = 16u; // sums added by one lane: a loop over barriers compiles very slowly on some drivers
const PASSES = 14u; // 5^14 > 2^32
const LAST_PASS = 2u * PASSES + 1u;

const NO_NOISE = 0u;
const SHARED_NOISE = 1u; // of the position that the row's next token takes, in draft and target alike
const OWN_NOISE = 2u;    // of the row's node in this round

struct Params {
  vocab: u32,
  first: u32,       // of the pass's rows, the one whose logits are row 0
  temperature: f32, // above 0
  top_k: u32,       // 0: all
  top_p: f32,       // above 0; 1: all
  min_p: f32,       // 0 to 1; 0: all
  noise: u32,
  sharpness: f32,   // above 0
  keep: u32,        // 1: write log_probs
  log_row: u32,     // its row for row 0
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> rows: array<Row>;                 // [first + rows]
@group(0) @binding(2) var<storage, read_write> logits: array<f32>;         // [rows, vocab]
@group(0) @binding(3) var<storage, read_write> log_probs: array<f32>;      // [log_row + rows, vocab]
@group(0) @binding(4) var<uniform> params: Params;

var<workgroup> keys: array<u32, 256>;
var<workgroup> sums: array<vec4<f32>, 256>;

// The largest key in the row.
fn top_key(start: u32, lane: u32) -> u32 {
  var key = 0u;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    key = max(key, order_key(logits[start + c]));
  }
  keys[lane] = key;
  workgroupBarrier();
  for (var i = 0u; i < WORKGROUP_SIZE; i += 1u) { key = max(key, keys[i]); }
  return key;
}

// For each of four rising cuts the sum of the weights of the logits that reach it, added in an order that
// depends on nothing but the vocabulary and the lanes. A weight is exp((logit - top) / temperature), or 1.
fn weigh(start: u32, lane: u32, cuts: vec4<u32>, top: f32, counted: bool) -> vec4<f32> {
  var own = vec4<f32>();
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = logits[start + c];
    let key = order_key(x);
    if (key < cuts.x) { continue; }
    var weight = 1.0;
    if (!counted) { weight = exp((x - top) / params.temperature); }
    own += select(vec4<f32>(), vec4(weight), vec4(key) >= cuts);
  }
  workgroupBarrier();
  sums[lane] = own;
  workgroupBarrier();
  if (lane < FAN_IN) {
    for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { sums[lane] += sums[i]; }
  }
  workgroupBarrier();
  own = sums[0];
  for (var i = 1u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { own += sums[i]; }
  return own;
}

// The i-th of four cuts that part low..high - 1 in five; the 0-th is `low`.
fn part(low: u32, high: u32, i: vec4<u32>) -> vec4<u32> {
  let width = high - low;
  return min(low + i * (width / 5u) + min(i, vec4(width % 5u)), vec4(high - 1u));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = group.x * params.vocab;
  let highest = top_key(start, lane);
  let top = key_number(highest);
  // The cut sought is in low..high - 1: what `low` keeps is enough, what `high` keeps is not. Where the two are
  // neighbours, a pass adds up what `low` keeps. One loop, because drivers compile every copy of a barrier.
  var low = NEGATIVE_INFINITY_KEY + 1u;
  var high = max(highest + 1u, low + 1u);
  var enough = f32(min(params.top_k, params.vocab)); // counts below 2^24 are exact
  var sum = 0.0;
  for (var step = 0u; step <= LAST_PASS; step += 1u) {
    // The search for top-k's cut, the sum of what it keeps, the search for top-p's cut, the sum of what is kept.
    if (step < PASSES && params.top_k == 0u) { continue; }
    if (step >= PASSES && step < LAST_PASS && params.top_p >= 1.0) { continue; }
    if (step == PASSES) { high = low + 1u; }
    if (step == PASSES + 1u) {
      high = max(highest, low) + 1u;
      enough = params.top_p * sum;
    }
    if (step == LAST_PASS) {
      if (params.min_p > 0.0) {
        // The most probable token stays; in a row without a finite logit nothing does.
        low = max(low, min(order_key(top + params.temperature * log(params.min_p)), highest));
      }
      high = low + 1u;
    }
    let weights = weigh(start, lane, part(low, high, vec4(1u, 2u, 3u, 4u)), top, step < PASSES);
    sum = weights.x;
    let reached = vec4<u32>(weights >= vec4(enough));
    let last = reached.x + reached.y + reached.z + reached.w;
    let next = part(low, high, vec4(last, last + 1u, 0u, 0u));
    if (last < 4u) { high = max(next.y, next.x + 1u); }
    low = next.x;
  }
  let log_sum = log(sum);

  let row = rows[params.first + group.x];
  var purpose = TOKEN_NOISE;
  var place = row.position + 1u;
  if (params.noise == OWN_NOISE) {
    purpose = DRAFT_NOISE;
    place = draw_place(control.base, row.node);
  }
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = logits[start + c];
    var log_p = key_number(NEGATIVE_INFINITY_KEY);
    var perturbed = log_p;
    if (order_key(x) >= low) {
      log_p = min((x - top) / params.temperature - log_sum, 0.0);
      perturbed = log_p;
      if (params.noise != NO_NOISE) { perturbed += gumbel(control.seed, purpose, place, c); }
      perturbed *= params.sharpness;
    }
    logits[start + c] = perturbed;
    if (params.keep == 1u) { log_probs[(params.log_row + group.x) * params.vocab + c] = log_p; }
  }
}
