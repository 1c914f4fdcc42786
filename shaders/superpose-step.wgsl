// s_i(x) = s_i + (1 - a) ln p(x) + a ln sum_o scale_o P_o(x | tail_i); the best 2k of these become the next drafts.
//
// Grid: one workgroup for one sequence. p is the softmax of logits / temperature over the candidates. A pair of draft
// i and candidate x that no n-gram knows is left out; a draft of whose pairs none is known keeps all, each less 200.
// Of the best 2k pairs those that end the text are ended, and the first k of the others are the live drafts,
// mixed by softmax(s). Ties go to the lower draft, then to the lower token id.

override WORKGROUP_SIZE: u32 = 128; // at least MOST_CANDIDATES
override RING_STEPS: u32 = 32;      // records in the ring

const MOST_CANDIDATES = 64u;
const MOST_SECTIONS = 40u;
const MOST_PAIRS = MOST_DRAFTS * MOST_CANDIDATES;
const MOST_RANGES = MOST_DRAFTS * MOST_SECTIONS;
const MOST_CHOSEN = 2u * MOST_DRAFTS;
const PENALTY = 200.0;
const NO_PAIR = 0xffffffffu;
const NO_CONTEXT = 0xffffffffu;

const DROPPED = 0u;
const LIVE = 1u;
const ENDED = 2u;

struct Choice {
  token: u32,
  parent: u32, // the draft before this step that it continues
  score: f32,
  fate: u32,   // DROPPED, LIVE or ENDED
}

// What a step gave, for the page. Live drafts are numbered in the order in which they stand here.
struct StepRecord {
  stamp: u32, // the step's number, from 1 on
  count: u32, // choices, best first
  choices: array<Choice, MOST_CHOSEN>,
}

struct Params {
  drafts: u32,      // k
  candidates: u32,  // at most MOST_CANDIDATES
  alpha: f32,       // the share of the n-grams; 0 where there are none
  temperature: f32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;         // [vocab]
@group(0) @binding(1) var<storage, read> candidates: array<Candidate>; // [candidates]
// [0]: sections; then SECTION_WORDS words for each: tokens of a context, bits of its scale, contexts, and
// where its keys [contexts, tokens], starts [contexts + 1], tokens and bits of probabilities begin.
@group(0) @binding(2) var<storage, read> ngrams: array<u32>;         // [words]
@group(0) @binding(3) var<storage, read_write> drafts: Drafts;
@group(0) @binding(4) var<storage, read_write> control: Control;
@group(0) @binding(5) var<storage, read_write> ring: array<StepRecord>; // [RING_STEPS]
@group(0) @binding(6) var<uniform> params: Params;

const SECTION_WORDS = 8u;

var<workgroup> is_done: u32;
var<workgroup> live: u32;
var<workgroup> step: u32;
var<workgroup> tail_length: u32;
var<workgroup> tails: array<array<u32, TAIL>, MOST_DRAFTS>;
var<workgroup> scores: array<f32, MOST_DRAFTS>;
var<workgroup> tokens: array<u32, MOST_CANDIDATES>; // ascending, so that pairs are numbered by draft, then token
var<workgroup> gaps: array<f32, MOST_CANDIDATES>;   // (logit - largest) / temperature; above 0: excluded
var<workgroup> chances: array<f32, MOST_CANDIDATES>; // ln p
var<workgroup> first_entry: array<u32, MOST_RANGES>;
var<workgroup> last_entry: array<u32, MOST_RANGES>;
var<workgroup> known: array<f32, MOST_PAIRS>;       // the n-grams' sum
var<workgroup> totals: array<f32, MOST_PAIRS>;
var<workgroup> keys: array<u32, MOST_PAIRS>;        // 0: left out
var<workgroup> chosen: array<u32, MOST_CHOSEN>;
var<workgroup> next_live: atomic<u32>;
var<workgroup> next_scores: array<f32, MOST_DRAFTS>;

const EXCLUDED = 1.0;

fn ends_text(token: u32) -> bool {
  for (var i = 0u; i < min(control.end_count, END_CAPACITY); i += 1u) {
    if (control.end_tokens[i] == token) { return true; }
  }
  return false;
}

// The candidates, by token id.
fn place_candidate(j: u32) {
  let token = candidates[j].token;
  var place = 0u;
  for (var other = 0u; other < params.candidates; other += 1u) {
    place += u32(candidates[other].token < token);
  }
  let x = logits[token];
  tokens[place] = token;
  gaps[place] = EXCLUDED;
  if (order_key(x) > NEGATIVE_INFINITY_KEY) {
    gaps[place] = min(0.0, (x - logits[candidates[0].token]) / params.temperature);
  }
}

// Which entries of a section continue a tail: none, or those of one context.
fn find_range(draft: u32, section: u32) {
  let head = 1u + section * SECTION_WORDS;
  let length = ngrams[head];
  let keys_at = ngrams[head + 3u];
  let range = draft * MOST_SECTIONS + section;
  first_entry[range] = 0u;
  last_entry[range] = 0u;
  if (tail_length < length) { return; }
  let skipped = tail_length - length;
  var low = 0u;
  var high = ngrams[head + 2u];
  while (low < high) {
    let middle = (low + high) / 2u;
    var order = 0; // of the middle's context against the tail
    for (var i = 0u; i < length && order == 0; i += 1u) {
      let a = ngrams[keys_at + middle * length + i];
      let b = tails[draft][skipped + i];
      order = i32(a > b) - i32(a < b);
    }
    if (order == 0) {
      let starts_at = ngrams[head + 4u] + middle;
      first_entry[range] = ngrams[starts_at];
      last_entry[range] = ngrams[starts_at + 1u];
      return;
    }
    if (order < 0) { low = middle + 1u; } else { high = middle; }
  }
}

// scale P(token | context), or 0. A context's tokens ascend.
fn find_share(draft: u32, section: u32, token: u32) -> f32 {
  let head = 1u + section * SECTION_WORDS;
  var low = first_entry[draft * MOST_SECTIONS + section];
  var high = last_entry[draft * MOST_SECTIONS + section];
  while (low < high) {
    let middle = (low + high) / 2u;
    let found = ngrams[ngrams[head + 5u] + middle];
    if (found == token) {
      return bitcast<f32>(ngrams[head + 1u]) * bitcast<f32>(ngrams[ngrams[head + 6u] + middle]);
    }
    if (found < token) { low = middle + 1u; } else { high = middle; }
  }
  return 0.0;
}

// How many of the pairs stand before this one.
fn rank_of(pair: u32, pairs: u32) -> u32 {
  let own = Ranked(keys[pair], pair);
  var rank = 0u;
  for (var other = 0u; other < pairs; other += 1u) {
    rank += u32(beats(Ranked(keys[other], other), own));
  }
  return rank;
}

// The choice of this rank; the live drafts before it decide which of them it becomes.
fn settle(rank: u32, record: u32) {
  let pair = chosen[rank];
  let parent = pair / params.candidates;
  let token = tokens[pair % params.candidates];
  var slot = 0u;
  for (var earlier = 0u; earlier < rank; earlier += 1u) {
    slot += u32(!ends_text(tokens[chosen[earlier] % params.candidates]));
  }
  var fate = DROPPED;
  if (ends_text(token)) { fate = ENDED; }
  if (fate == DROPPED && slot < params.drafts) {
    fate = LIVE;
    atomicAdd(&next_live, 1u);
    next_scores[slot] = totals[pair];
    drafts.token[slot] = token;
    drafts.score[slot] = totals[pair];
    // A tail grows to TAIL tokens, then moves on.
    let length = min(tail_length + 1u, TAIL);
    let skipped = tail_length + 1u - length;
    for (var i = 0u; i + 1u < length; i += 1u) { drafts.tail[slot][i] = tails[parent][skipped + i]; }
    drafts.tail[slot][length - 1u] = token;
  }
  ring[record].choices[rank] = Choice(token, parent, totals[pair], fate);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u) {
    is_done = control.done;
    live = min(drafts.live, MOST_DRAFTS);
    step = control.round;
    tail_length = drafts.tail_length;
  }
  for (var i = lane; i < MOST_DRAFTS; i += WORKGROUP_SIZE) {
    tails[i] = drafts.tail[i];
    scores[i] = drafts.score[i];
  }
  for (var i = lane; i < MOST_CHOSEN; i += WORKGROUP_SIZE) { chosen[i] = NO_PAIR; }
  if (lane < params.candidates) { place_candidate(lane); }
  // Steps are encoded ahead: one after the last changes nothing.
  if (workgroupUniformLoad(&is_done) == 1u) { return; }

  let sections = min(ngrams[0], MOST_SECTIONS);
  let pairs = live * params.candidates;
  if (lane < params.candidates && gaps[lane] <= 0.0) {
    var sum = 0.0;
    for (var j = 0u; j < params.candidates; j += 1u) {
      if (gaps[j] <= 0.0) { sum += exp(gaps[j]); }
    }
    chances[lane] = gaps[lane] - log(sum);
  }
  for (var i = lane; i < live * sections; i += WORKGROUP_SIZE) {
    find_range(i / sections, i % sections);
  }
  workgroupBarrier();

  for (var pair = lane; pair < pairs; pair += WORKGROUP_SIZE) {
    let j = pair % params.candidates;
    var sum = 0.0;
    if (gaps[j] <= 0.0) {
      for (var s = 0u; s < sections; s += 1u) {
        sum += find_share(pair / params.candidates, s, tokens[j]);
      }
    }
    known[pair] = sum;
  }
  workgroupBarrier();

  for (var pair = lane; pair < pairs; pair += WORKGROUP_SIZE) {
    let draft = pair / params.candidates;
    let j = pair % params.candidates;
    var knows_any = false;
    for (var i = 0u; i < params.candidates; i += 1u) {
      knows_any = knows_any || known[draft * params.candidates + i] > 0.0;
    }
    var term = (1.0 - params.alpha) * chances[j];
    if (knows_any) { term += params.alpha * log(max(known[pair], 0x1p-120)); }
    else if (params.alpha > 0.0) { term -= PENALTY; }
    let is_left_out = gaps[j] > 0.0 || (knows_any && known[pair] == 0.0);
    totals[pair] = scores[draft] + term;
    keys[pair] = select(order_key(totals[pair]), 0u, is_left_out);
  }
  workgroupBarrier();

  for (var pair = lane; pair < pairs; pair += WORKGROUP_SIZE) {
    if (keys[pair] != 0u) {
      let rank = rank_of(pair, pairs);
      if (rank < 2u * params.drafts) { chosen[rank] = pair; }
    }
  }
  workgroupBarrier();

  let record = step % RING_STEPS;
  if (lane < MOST_CHOSEN && chosen[lane] != NO_PAIR) { settle(lane, record); }
  workgroupBarrier();

  let count = atomicLoad(&next_live);
  if (lane < count) {
    // Slots are filled from the first on, and the first is the best.
    var sum = 0.0;
    for (var i = 0u; i < count; i += 1u) { sum += exp(next_scores[i] - next_scores[0]); }
    drafts.weight[lane] = exp(next_scores[lane] - next_scores[0]) / sum;
  }
  if (lane == 0u) {
    var choices = 0u;
    for (var i = 0u; i < MOST_CHOSEN; i += 1u) { choices += u32(chosen[i] != NO_PAIR); }
    ring[record].count = choices;
    ring[record].stamp = step + 1u;
    drafts.live = count;
    drafts.tail_length = min(tail_length + 1u, TAIL);
    let is_full = control.limit > 0u && control.base + 2u >= control.limit;
    if (is_full || count == 0u) { control.done = 1u; }
    control.round = step + 1u;
    control.base += 1u;
  }
}
