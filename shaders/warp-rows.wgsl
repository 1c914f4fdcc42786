// logits[r, c] = log p[c] + noise G(c), with p = softmax of the logits that the stages keep, divided
// by the temperature, and 0 elsewhere; log_probs[log_row + r, c] = log p[c].
//
// Stages run in the order given; each goes by what those before it kept, at the temperature so far: the top_k
// largest; the fewest of the largest that hold a share of top_p; those at least min_p as probable as the
// first; the fewest that hold a share of typical_p, nearest to the mean log-probability first; those at most
// n_sigma standard deviations below the first. A token tied with the last one kept is kept too, so that no
// rule for ties enters.
//
// Grid: one workgroup per row. A cut is a number that all kept logits reach, found among the integers that
// order like them: a pass over the row tries four cuts, so fourteen passes find one of 2^32.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const FAN_IN = 16u; // sums added by one lane: a loop over barriers compiles very slowly on some drivers
const PASSES = 14u; // 5^14 > 2^32

// Stages, as `order` names them; START and END are before the first and after the last.
const END = 0u;
const TEMPERATURE = 1u;
const TOP_K = 2u;
const TOP_P = 3u;
const MIN_P = 4u;
const TYPICAL = 5u;
const TOP_N_SIGMA = 6u;
const START = 7u;

// What a pass adds up.
const COUNTS = 0u;     // tokens that reach each cut
const SHARES = 1u;     // their exponentials
const LARGEST = 2u;    // nothing: it finds the largest key
const MOMENTS = 3u;    // exponentials, and logits weighted by them
const DISTANCES = 4u;  // tokens, and how far they are below the largest
const SQUARES = 5u;    // tokens, and the squares of how far that is from its mean

const FARTHEST = 1e15; // what is taken for farther, so that the sums of squares stay in range

const NO_NOISE = 0u;
const SHARED_NOISE = 1u; // of the position that the row's next token takes, in draft and target alike
const OWN_NOISE = 2u;    // of the row's node in this round
const SEEDED_NOISE = 3u; // as the shared noise, with the text's seed plus the row

struct Params {
  vocab: u32,
  first: u32,       // of the pass's rows, the one whose logits are row 0
  order: u32,       // the stages, four bits each, from the lowest on
  temperature: f32, // above 0
  top_k: u32,       // above 0
  top_p: f32,       // above 0, below 1
  min_p: f32,       // above 0, to 1
  typical_p: f32,   // above 0, below 1
  n_sigma: f32,     // above 0
  noise: u32,
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

// What is kept so far: logits that reach a cut, of those the ones that are typical enough.
var<private> lowest = NEGATIVE_INFINITY_KEY + 1u; // the cut, as a key
var<private> highest = 0u;     // the largest that is kept
var<private> temperature = 1.0;
var<private> is_narrowed = false; // by typicality
var<private> least_typical = 0u;
var<private> center = 0.0;     // the mean of logits below `center_top`, at the temperature of then
var<private> center_top = 0.0;
var<private> center_temperature = 1.0;
var<private> mean = 0.0;       // of the distances from the largest
var<private> largest = 0u;     // that the lane found

// The less a token's log-probability differs from their mean, the larger.
fn typicality(x: f32) -> u32 {
  return order_key(-abs(max((x - center_top) / center_temperature, -FARTHEST) - center));
}

// For each of four rising cuts among logits, the sum of the weights of those that reach it. The loop that most
// passes run, so it asks nothing that they need not know.
fn add_reaching(start: u32, lane: u32, cuts: vec4<u32>, counted: bool) -> vec4<f32> {
  let top = key_number(highest);
  let divisor = temperature;
  var own = vec4<f32>();
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = logits[start + c];
    let key = order_key(x);
    if (key < cuts.x) { continue; }
    var weight = 1.0;
    if (!counted) { weight = exp((x - top) / divisor); }
    own += select(vec4<f32>(), vec4(weight), vec4(key) >= cuts);
  }
  return own;
}

// The same of what is typical, or for cuts among typicalities, or what else is sought.
fn add_other(start: u32, lane: u32, cuts: vec4<u32>, what: u32, by_typicality: bool) -> vec4<f32> {
  let top = key_number(highest);
  var own = vec4<f32>();
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = logits[start + c];
    let key = order_key(x);
    var typical = 0u;
    if (is_narrowed || by_typicality) { typical = typicality(x); }
    if (key < lowest || typical < least_typical) { continue; }
    if (what == LARGEST) {
      largest = max(largest, key);
    } else if (what <= SHARES) {
      let weight = select(exp((x - top) / temperature), 1.0, what == COUNTS);
      own += select(vec4<f32>(), vec4(weight), vec4(select(key, typical, by_typicality)) >= cuts);
    } else if (what == MOMENTS) {
      let value = max((x - top) / temperature, -FARTHEST);
      own += exp(value) * vec4(1.0, value, 0.0, 0.0);
    } else {
      var distance = min(top - x, FARTHEST);
      if (what == SQUARES) { distance = (distance - mean) * (distance - mean); }
      own += vec4(1.0, distance, 0.0, 0.0);
    }
  }
  return own;
}

// Sums over what is kept, added in an order that depends on nothing but the vocabulary and the lanes; or none,
// and `highest`.
fn weigh(start: u32, lane: u32, cuts: vec4<u32>, what: u32, by_typicality: bool) -> vec4<f32> {
  largest = 0u;
  var own = vec4<f32>();
  if (what <= SHARES && !is_narrowed && !by_typicality) {
    own = add_reaching(start, lane, cuts, what == COUNTS);
  } else {
    own = add_other(start, lane, cuts, what, by_typicality);
  }
  workgroupBarrier();
  sums[lane] = own;
  if (what == LARGEST) { keys[lane] = largest; }
  workgroupBarrier();
  if (lane < FAN_IN) {
    for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { sums[lane] += sums[i]; }
    if (what == LARGEST) {
      for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { keys[lane] = max(keys[lane], keys[i]); }
    }
  }
  workgroupBarrier();
  if (what == LARGEST) {
    highest = 0u;
    for (var i = 0u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { highest = max(highest, keys[i]); }
    return own;
  }
  own = sums[0];
  for (var i = 1u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { own += sums[i]; }
  return own;
}

// Passes of a stage.
fn passes_of(stage: u32) -> u32 {
  if (stage == TEMPERATURE || stage == MIN_P) { return 0u; }
  if (stage == TOP_K) { return PASSES; }
  if (stage == TOP_P) { return 1u + PASSES; }
  if (stage == TYPICAL) { return 1u + PASSES + 1u; }
  return select(1u, 2u, stage == TOP_N_SIGMA);
}

// What a stage's pass adds up.
fn sought(stage: u32, step: u32) -> u32 {
  if (stage == START) { return LARGEST; }
  if (stage == TOP_K) { return COUNTS; }
  if (stage == TOP_N_SIGMA) { return select(SQUARES, DISTANCES, step == 0u); }
  if (stage == TYPICAL && step == 0u) { return MOMENTS; }
  return select(SHARES, LARGEST, stage == TYPICAL && step > PASSES);
}

// The most probable token stays; in a row without a finite logit nothing does.
fn raise_cut(to: f32) {
  lowest = max(lowest, min(order_key(to), highest));
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
  var sum = 0.0;
  // A cut sought is in low..high - 1: what `low` keeps is enough, what `high` keeps is not.
  var low = 0u;
  var high = 1u;
  var enough = 0.0;
  var stage = START;
  var rest = params.order;
  var step = 0u;
  // One loop over all passes of all stages, because drivers compile every copy of a barrier.
  loop {
    let by_typicality = stage == TYPICAL && step > 0u && step <= PASSES;
    let searches = stage == TOP_K || (stage == TOP_P && step > 0u) || by_typicality;
    var cuts = vec4(lowest);
    if (searches) { cuts = part(low, high, vec4(1u, 2u, 3u, 4u)); }
    let added = weigh(start, lane, cuts, sought(stage, step), by_typicality);
    sum = added.x;
    if (searches) {
      let reached = vec4<u32>(added >= vec4(enough));
      let last = reached.x + reached.y + reached.z + reached.w;
      let next = part(low, high, vec4(last, last + 1u, 0u, 0u));
      if (last < 4u) { high = max(next.y, next.x + 1u); }
      low = next.x;
      if (!by_typicality) { lowest = low; }
      if (by_typicality && step == PASSES) {
        least_typical = low;
        is_narrowed = true;
      }
    } else if (stage == TOP_P) {
      low = lowest;
      high = max(highest, low) + 1u;
      enough = params.top_p * sum;
    } else if (stage == TYPICAL && step == 0u) {
      center = added.y / sum;
      center_top = key_number(highest);
      center_temperature = temperature;
      low = 1u;
      high = 0x80000001u; // above the key of 0
      enough = params.typical_p * sum;
    } else if (stage == TOP_N_SIGMA) {
      mean = added.y / sum;
      if (step == 1u) { raise_cut(key_number(highest) - params.n_sigma * sqrt(mean)); }
    }
    step += 1u;
    if (step < passes_of(stage)) { continue; }
    if (stage == END) { break; }

    step = 0u;
    loop {
      stage = rest % 16u;
      rest /= 16u;
      if (stage == TEMPERATURE) { temperature = params.temperature; }
      if (stage == MIN_P) { raise_cut(key_number(highest) + temperature * log(params.min_p)); }
      if (passes_of(stage) > 0u) { break; }
    }
    if (stage == TOP_K) {
      low = lowest;
      high = max(highest, low) + 1u;
      enough = f32(min(params.top_k, params.vocab)); // counts below 2^24 are exact
    }
  }
  let log_sum = log(sum);
  let top = key_number(highest);

  let row = rows[params.first + group.x];
  var seed = control.seed;
  if (params.noise == SEEDED_NOISE) { seed += group.x; }
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
    var is_kept = order_key(x) >= lowest;
    if (is_narrowed && is_kept) { is_kept = typicality(x) >= least_typical; }
    if (is_kept) {
      log_p = min((x - top) / temperature - log_sum, 0.0);
      perturbed = log_p;
      if (params.noise != NO_NOISE) { perturbed += gumbel(seed, purpose, place, c); }
    }
    logits[start + c] = perturbed;
    if (params.keep == 1u) { log_probs[(params.log_row + group.x) * params.vocab + c] = log_p; }
  }
}
