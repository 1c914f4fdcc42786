// row_surprise[r] = { top = max_c z[c], log_sum = log sum_c exp((z[c] - top) / temperature),
// zipf = sum_i t[i] b[i] / sum_i t[i]^2, finite }, z = logits[r, :]; b[i] = (i-th largest z - the next) / temperature,
// t[i] = log((i + 1) / i), i = 1..ratios: the least squares of Zipf's law, p ~ rank^-zipf (Mirostat, arXiv 2007.14966).
//
// Grid: one workgroup per row. The ratios + 1 largest are those that reach a cut, found among the integers that order
// like logits: a pass over the row tries four cuts. The last pass adds up the shares and lists what exceeds the cut.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const FAN_IN = 16u; // sums added by one lane: a loop over barriers compiles very slowly on some drivers
const PASSES = 14u; // 5^14 > 2^32
const LIST_CAPACITY = 128u;

struct Params {
  vocab: u32,
  temperature: f32, // above 0
  ratios: u32,      // 0: no estimate; at most 127
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;                      // [rows, vocab]
@group(0) @binding(1) var<storage, read_write> row_surprise: array<RowSurprise>;  // [rows]
@group(0) @binding(2) var<uniform> params: Params;

struct Found {
  counts: vec4<u32>, // logits that reach each of four cuts
  sum: f32,          // of the shares
}

var<workgroup> keys: array<u32, 256>;
var<workgroup> found: array<Found, 256>;
var<workgroup> list: array<u32, LIST_CAPACITY>;
var<workgroup> sorted: array<f32, LIST_CAPACITY>;
var<workgroup> listed: atomic<u32>;

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

fn joined(a: Found, b: Found) -> Found {
  return Found(a.counts + b.counts, a.sum + b.sum);
}

// The i-th of four cuts that part low..high - 1 in five; the 0-th is `low`.
fn part(low: u32, high: u32, i: vec4<u32>) -> vec4<u32> {
  let width = high - low;
  return min(low + i * (width / 5u) + min(i, vec4(width % 5u)), vec4(high - 1u));
}

// log((i + 1) / i) = 2 atanh(1 / (2 i + 1)), by its series: WGSL's log is inexact near 1.
fn log_step(i: vec4<f32>) -> vec4<f32> {
  let y = 1.0 / fma(i, vec4(2.0), vec4(1.0));
  let s = y * y;
  var sum = vec4(1.0 / 13.0);
  sum = fma(sum, s, vec4(1.0 / 11.0));
  sum = fma(sum, s, vec4(1.0 / 9.0));
  sum = fma(sum, s, vec4(1.0 / 7.0));
  sum = fma(sum, s, vec4(1.0 / 5.0));
  sum = fma(sum, s, vec4(1.0 / 3.0));
  return 2.0 * fma(y * s, sum, y);
}

// Of the first `length` of `sorted`.
fn zipf_exponent(length: u32) -> f32 {
  var over = vec4<f32>();
  var under = vec4<f32>();
  for (var i = 0u; i + 1u < length; i += 4u) {
    let place = vec4(i) + vec4(0u, 1u, 2u, 3u);
    let high = vec4(sorted[place.x], sorted[place.y], sorted[place.z], sorted[place.w]);
    let low = vec4(high.yzw, sorted[min(i + 4u, LIST_CAPACITY - 1u)]);
    // Logits of 3e38 have differences that no f32 holds.
    let gap = select(vec4<f32>(), min(high - low, vec4(1e30)), place + 1u < vec4(length));
    let step = select(vec4<f32>(), log_step(vec4<f32>(place + 1u)), place + 1u < vec4(length));
    over = fma(step, gap, over);
    under = fma(step, step, under);
  }
  let sums = vec2(over.x + over.y + over.z + over.w, under.x + under.y + under.z + under.w);
  if (sums.y == 0.0) { return 0.0; }
  return min(sums.x / sums.y / params.temperature, 1e6);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let start = group.x * params.vocab;
  let highest = top_key(start, lane);
  let top = key_number(highest);
  // What `low` keeps is enough, what `high` keeps is not, unless fewer logits than wanted are finite.
  var low = NEGATIVE_INFINITY_KEY + 1u;
  var high = max(highest + 1u, low + 1u);
  let wanted = params.ratios + 1u;
  for (var step = 0u; step <= PASSES; step += 1u) {
    if (step < PASSES && params.ratios == 0u) { continue; }
    let cuts = part(low, high, vec4(1u, 2u, 3u, 4u));
    var own = Found();
    for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
      let x = logits[start + c];
      let key = order_key(x);
      if (step < PASSES) {
        own.counts += vec4<u32>(vec4(key) >= cuts);
      } else if (key > NEGATIVE_INFINITY_KEY) {
        own.counts.x += 1u;
        own.sum += exp((x - top) / params.temperature);
        if (params.ratios > 0u && key > low) {
          let at = atomicAdd(&listed, 1u);
          if (at < LIST_CAPACITY) { list[at] = key; }
        }
      }
    }
    workgroupBarrier();
    found[lane] = own;
    workgroupBarrier();
    if (lane < FAN_IN) {
      for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { own = joined(own, found[i]); }
      found[lane] = own;
    }
    workgroupBarrier();
    own = found[0];
    for (var i = 1u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { own = joined(own, found[i]); }
    if (step == PASSES) {
      if (lane == 0u) {
        let log_sum = log(max(own.sum, 1.0));
        row_surprise[group.x] = RowSurprise(top, log_sum, 0.0, own.counts.x);
        if (own.counts.x == 0u) { row_surprise[group.x] = RowSurprise(); }
      }
      break;
    }
    let reached = vec4<u32>(own.counts >= vec4(wanted));
    let last = reached.x + reached.y + reached.z + reached.w;
    let next = part(low, high, vec4(last, last + 1u, 0u, 0u));
    if (last < 4u) { high = max(next.y, next.x + 1u); }
    low = next.x;
  }
  if (params.ratios == 0u) { return; }

  // In order; behind what exceeds the cut stand those that are equal to it.
  let length = min(atomicLoad(&listed), LIST_CAPACITY);
  for (var i = lane; i < LIST_CAPACITY; i += WORKGROUP_SIZE) {
    if (i >= length) {
      sorted[i] = key_number(low);
      continue;
    }
    var place = 0u;
    for (var other = 0u; other < length; other += 1u) {
      place += u32(list[other] > list[i] || (list[other] == list[i] && other < i));
    }
    sorted[place] = key_number(list[i]);
  }
  workgroupBarrier();
  if (lane != 0u) { return; }
  row_surprise[group.x].zipf = zipf_exponent(min(row_surprise[group.x].finite, wanted));
}
