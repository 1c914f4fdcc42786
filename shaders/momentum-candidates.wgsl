// ranked[r, :] = the `kept` best of likely[r, :] by s(v) = p(v) - resistance[l(v)]; ids[r] = the best of them. l(v) is the
// largest n for which the row's text holds its own last n - 1 tokens with v after them; 0: it does not hold v (Momentum
// Decoding, arXiv 2212.02175). The scores are log-probabilities of a softmax of about log s.
//
// What comes first, always: what may be chosen; then what lies beyond the `top_k` most probable; then what is forbidden;
// then what has probability 0. On a tie the more probable one.
//
// Grid: one workgroup per row. A lane looks through a part of the row's text.

override WORKGROUP_SIZE: u32 = 64;

const K_CAPACITY = 64u;
const FORBIDDEN_RESISTANCE = 1e30;
const KNEE = 0.05; // below it the logarithm goes on as its tangent
const TIER = 40.0; // nats between what may be chosen and what comes next

const CHOICE = 3u;
const BEYOND = 2u;
const FORBIDDEN = 1u;
const EXCLUDED = 0u;

struct Params {
  node_start: u32, // the tree node of row 0
  lag: u32,        // the root's depth in the tree: 0 for the target's, 1 for the draft's
  k: u32,          // at most 64
  kept: u32,       // at most k
  top_k: u32,
  longest: u32,    // the largest l that is counted
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> tree: TokenTree;
@group(0) @binding(2) var<storage, read> history: array<u32>;      // [committed]: tokens up to the root, by position
@group(0) @binding(3) var<storage, read> resistance: array<f32>;   // [longest + 1]: of l; 1e30 forbids
@group(0) @binding(4) var<storage, read> sharpness: array<f32>;    // [1], above 0
@group(0) @binding(5) var<storage, read> likely: array<Candidate>; // [rows, k], the most probable first; score: log p
@group(0) @binding(6) var<storage, read_write> ranked: array<Candidate>; // [rows, kept]
@group(0) @binding(7) var<storage, read_write> ids: array<u32>;    // [rows]
@group(0) @binding(8) var<uniform> params: Params;

struct Standing {
  tier: u32,
  s: f32, // p where the candidate is forbidden
}

var<workgroup> tokens: array<u32, K_CAPACITY>;
var<workgroup> lengths: array<atomic<u32>, K_CAPACITY>; // l of each candidate
var<workgroup> shares: array<f32, K_CAPACITY>;          // p of each, not rising
var<workgroup> standings: array<Standing, K_CAPACITY>;
var<workgroup> order: array<u32, K_CAPACITY>;           // candidates by place
var<workgroup> values: array<f32, K_CAPACITY>;          // what the softmax is of, by place

// How many tokens before `position` are those that the text ends with, and the one at `position`: at most `longest`.
fn length_at(text: Text, position: u32) -> u32 {
  let end = text.committed + text.depth;
  var n = 1u;
  while (n < params.longest && n <= position) {
    if (token_at(text, position - n) != token_at(text, end - n)) { break; }
    n += 1u;
  }
  return n;
}

fn is_excluded(score: f32) -> bool {
  return order_key(score) <= NEGATIVE_INFINITY_KEY;
}

fn standing_of(i: u32, score: f32) -> Standing {
  let against = resistance[atomicLoad(&lengths[i])];
  if (is_excluded(score)) { return Standing(EXCLUDED, 0.0); }
  if (against >= FORBIDDEN_RESISTANCE) { return Standing(FORBIDDEN, shares[i]); }
  return Standing(select(BEYOND, CHOICE, i < params.top_k), shares[i] - against);
}

fn precedes(a: u32, b: u32) -> bool {
  let x = standings[a];
  let y = standings[b];
  if (x.tier != y.tier) { return x.tier > y.tier; }
  return x.s > y.s || (x.s == y.s && a < b);
}

// Not falling in s, nor in the tier: s is at most 1, and what is below -1 cannot be told apart.
fn value_of(standing: Standing) -> f32 {
  let s = max(standing.s, -1.0);
  let above = log(max(s, KNEE));
  return above + min(s - KNEE, 0.0) / KNEE - TIER * f32(CHOICE - standing.tier);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let node = params.node_start + group.x;
  let row = group.x * params.k;
  let text = text_of(node);
  read_path(node, text.depth, lane);
  for (var i = lane; i < params.k; i += WORKGROUP_SIZE) {
    let found = likely[row + i];
    tokens[i] = found.token;
    atomicStore(&lengths[i], 0u);
    shares[i] = 0.0;
    if (!is_excluded(found.score)) { shares[i] = exp(found.score); }
  }
  workgroupBarrier();

  for (var at = lane; at < text.committed + text.depth; at += WORKGROUP_SIZE) {
    let token = token_at(text, at);
    for (var i = 0u; i < params.k; i += 1u) {
      if (tokens[i] == token) { atomicMax(&lengths[i], length_at(text, at)); }
    }
  }
  workgroupBarrier();

  // exp is inexact: where two are equally resisted, the more probable one must not come second.
  if (lane == 0u) {
    for (var i = 1u; i < params.k; i += 1u) { shares[i] = min(shares[i], shares[i - 1u]); }
  }
  workgroupBarrier();
  for (var i = lane; i < params.k; i += WORKGROUP_SIZE) {
    standings[i] = standing_of(i, likely[row + i].score);
  }
  workgroupBarrier();
  for (var i = lane; i < params.k; i += WORKGROUP_SIZE) {
    var place = 0u;
    for (var other = 0u; other < params.k; other += 1u) { place += u32(precedes(other, i)); }
    order[place] = i;
    values[place] = value_of(standings[i]);
  }
  workgroupBarrier();

  if (lane == 0u) {
    // log is inexact, and what reads the rows relies on their order.
    for (var i = 1u; i < params.k; i += 1u) { values[i] = min(values[i], values[i - 1u]); }
    ids[group.x] = tokens[order[0]];
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var i = 0u; i < params.k; i += 1u) {
    if (standings[order[i]].tier != EXCLUDED) { sum += exp(sharpness[0] * (values[i] - values[0])); }
  }
  let log_sum = log(sum);
  for (var i = lane; i < params.kept; i += WORKGROUP_SIZE) {
    var found = likely[row + order[i]];
    if (standings[order[i]].tier != EXCLUDED) {
      found.score = min(sharpness[0] * (values[i] - values[0]) - log_sum, 0.0);
    }
    ranked[group.x * params.kept + i] = found;
  }
}
