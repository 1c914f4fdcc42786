// candidates[r, j] = the j-th largest of logits[r, :] (the lower token id on a tie) with its
// log-probability, s (logits[r, t] - max) - log(sum_c exp(s (logits[r, c] - max))), s = sharpness.
//
// Grid: one workgroup per row. Two passes over the row: the first finds each lane's best column. The
// k-th best of those is a cut that at least k columns reach and few exceed; the second pass sums
// the exponentials and lists the columns that reach the cut. The list is short unless one lane
// holds many of the largest; if it overflows, the lanes' bests are taken one by one instead.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const FAN_IN = 16u; // sums added by one lane: a loop over barriers compiles very slowly on some drivers
const LIST_CAPACITY = 256u;

struct Params {
  vocab: u32,
  k: u32, // at most vocab
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;                 // [rows, vocab]
@group(0) @binding(1) var<storage, read> sharpness: array<f32>;              // [1], above 0
@group(0) @binding(2) var<storage, read_write> candidates: array<Candidate>; // [rows, k]
@group(0) @binding(3) var<uniform> params: Params;

var<workgroup> heads: array<Ranked, 256>; // each lane's best column
var<workgroup> list: array<Ranked, LIST_CAPACITY>;
var<workgroup> sums: array<f32, 256>;
var<workgroup> listed: atomic<u32>;
var<workgroup> list_length: u32;
var<workgroup> top: Ranked;
var<workgroup> cut: Ranked;

// The lane's best column after `last` in the order of choice.
fn lane_best(row: u32, lane: u32, last: Ranked) -> Ranked {
  var best = Ranked(0u, NO_ID);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let candidate = Ranked(order_key(logits[row * params.vocab + c]), c);
    if (beats(candidate, best) && beats(last, candidate)) { best = candidate; }
  }
  return best;
}

fn emit(row: u32, place: u32, token: u32, log_sum: f32) {
  let x = logits[row * params.vocab + token];
  // exp and log are inexact, so the bounds that hold for exact numbers are put back.
  var score = clamp(sharpness[0] * (x - logits[row * params.vocab + top.id]) - log_sum, -3.4028234e38, 0.0);
  if (order_key(x) <= NEGATIVE_INFINITY_KEY) { score = x; }
  candidates[row * params.k + place] = Candidate(token, score);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.x;
  var own = lane_best(row, lane, Ranked(0xffffffffu, 0u));
  heads[lane] = own;
  if (lane == 0u) { cut = Ranked(0u, NO_ID); }
  workgroupBarrier();

  var place = 0u;
  for (var i = 0u; i < WORKGROUP_SIZE; i += 1u) { place += u32(beats(heads[i], own)); }
  if (place == 0u) { top = own; }
  if (place == params.k - 1u) { cut = own; }
  workgroupBarrier();

  let largest = logits[row * params.vocab + top.id];
  var sum = 0.0;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = logits[row * params.vocab + c];
    let candidate = Ranked(order_key(x), c);
    if (candidate.key > NEGATIVE_INFINITY_KEY) { sum += exp(sharpness[0] * (x - largest)); }
    if (!beats(cut, candidate)) {
      let at = atomicAdd(&listed, 1u);
      if (at < LIST_CAPACITY) { list[at] = candidate; }
    }
  }
  sums[lane] = sum;
  workgroupBarrier();
  if (lane < FAN_IN) {
    for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { sums[lane] += sums[i]; }
  }
  if (lane == 0u) { list_length = atomicLoad(&listed); }
  let length = workgroupUniformLoad(&list_length);
  sum = 0.0;
  for (var i = 0u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { sum += sums[i]; }
  let log_sum = log(sum);

  if (length <= LIST_CAPACITY) {
    for (var i = lane; i < length; i += WORKGROUP_SIZE) {
      let item = list[i];
      place = 0u;
      for (var other = 0u; other < length; other += 1u) { place += u32(beats(list[other], item)); }
      if (place < params.k) { emit(row, place, item.id, log_sum); }
    }
  } else {
    for (var j = 0u; j < params.k; j += 1u) {
      heads[lane] = own;
      workgroupBarrier();
      var is_best = own.id != NO_ID;
      for (var i = 0u; i < WORKGROUP_SIZE; i += 1u) { is_best = is_best && !beats(heads[i], own); }
      workgroupBarrier();
      if (is_best) {
        emit(row, j, own.id, log_sum);
        own = lane_best(row, lane, own);
      }
    }
  }
}
