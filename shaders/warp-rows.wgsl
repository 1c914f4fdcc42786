// logits[r, c] = sharpness (log p[c] + noise G(c)), with p = softmax of the kept logits[r, :] / temperature
// and 0 elsewhere, kept = the top_k largest, of those the fewest that hold a share of top_p, of those
// the ones at least min_p as probable as the first; log_probs[log_row + r, c] = log p[c].
// In Hugging Face's order, and as there a token tied with the last one kept is kept too.
//
// Grid: one workgroup per row. A cut is a number that all kept logits reach, found by bisection on
// the integers that order like them: as many passes over the row as a key has bits.

override WORKGROUP_SIZE: u32 = 256; // at most 256

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

var<workgroup> shares: array<f32, 256>;
var<workgroup> counts: array<u32, 256>;

// The lanes' numbers added in one order, the same for every lane and whatever the row.
fn add_shares(lane: u32, share: f32) -> f32 {
  workgroupBarrier();
  shares[lane] = share;
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < WORKGROUP_SIZE; i += 1u) { sum += shares[i]; }
  return sum;
}

fn add_counts(lane: u32, count: u32) -> u32 {
  workgroupBarrier();
  counts[lane] = count;
  workgroupBarrier();
  var sum = 0u;
  for (var i = 0u; i < WORKGROUP_SIZE; i += 1u) { sum += counts[i]; }
  return sum;
}

// The largest key in the row.
fn top_key(start: u32, lane: u32) -> u32 {
  var key = 0u;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    key = max(key, order_key(logits[start + c]));
  }
  counts[lane] = key;
  workgroupBarrier();
  for (var i = 0u; i < WORKGROUP_SIZE; i += 1u) { key = max(key, counts[i]); }
  return key;
}

fn count_from(start: u32, lane: u32, cut: u32) -> u32 {
  var count = 0u;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    count += u32(order_key(logits[start + c]) >= cut);
  }
  return add_counts(lane, count);
}

// The sum of exp((logit - top) / temperature) over the logits that reach `cut`.
fn share_from(start: u32, lane: u32, cut: u32, top: f32) -> f32 {
  var share = 0.0;
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = logits[start + c];
    if (order_key(x) >= cut) { share += exp((x - top) / params.temperature); }
  }
  return add_shares(lane, share);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = group.x * params.vocab;
  let highest = top_key(start, lane);
  let top = key_number(highest);
  // The cut lies in low..high - 1: `low` keeps enough, `high` does not.
  var cut = NEGATIVE_INFINITY_KEY + 1u;
  if (params.top_k > 0u) {
    var low = cut;
    var high = highest + 1u;
    for (var bit = 0u; bit < 32u; bit += 1u) {
      let middle = low + (high - low) / 2u;
      if (count_from(start, lane, middle) >= params.top_k) { low = middle; } else { high = middle; }
    }
    cut = low;
  }
  if (params.top_p < 1.0) {
    let enough = params.top_p * share_from(start, lane, cut, top);
    var low = cut;
    var high = highest + 1u;
    for (var bit = 0u; bit < 32u; bit += 1u) {
      let middle = low + (high - low) / 2u;
      if (share_from(start, lane, middle, top) >= enough) { low = middle; } else { high = middle; }
    }
    cut = low;
  }
  if (params.min_p > 0.0) {
    cut = max(cut, order_key(top + params.temperature * log(params.min_p)));
    cut = min(cut, highest);
  }
  let log_sum = log(share_from(start, lane, cut, top));

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
    if (order_key(x) >= cut) {
      log_p = min((x - top) / params.temperature - log_sum, 0.0);
      perturbed = log_p;
      if (params.noise != NO_NOISE) { perturbed += gumbel(control.seed, purpose, place, c); }
      perturbed *= params.sharpness;
    }
    logits[start + c] = perturbed;
    if (params.keep == 1u) { log_probs[(params.log_row + group.x) * params.vocab + c] = log_p; }
  }
}
