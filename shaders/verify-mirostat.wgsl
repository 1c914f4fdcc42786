// From the root on: y = argmax_c log p[c] + G(position + 1, c) over the kept c, p = softmax(logits[node, :] / temperature);
// mu <- clamp(mu - eta (S(y) - tau)), S(y) = -log2 p[y]; go on to the child whose token is y. Kept are, version 2, the c
// with S(c) <= mu; version 1, the k largest, k = (e 2^mu / (1 - vocab^-e))^(1 / zipf), e = zipf - 1. (Mirostat, arXiv
// 2007.14966.) At least one is kept, and all that are tied with the last one. `truncated` takes S(y) among the kept.
//
// Grid: one workgroup. Lane 0 walks, all lanes pass over the row it stands at: once for the token, and before that,
// in version 1, as often as it takes to find the k-th largest. mu after a path is that of decoding the path alone.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const FAN_IN = 16u; // sums added by one lane: a loop over barriers compiles very slowly on some drivers
const NONE = 0xffffffffu;

struct Params {
  nodes: u32,
  vocab: u32,
  version: u32,     // 1 or 2
  truncated: u32,   // 1: the surprise that moves mu is that among the kept
  temperature: f32, // above 0
  tau: f32,         // bits, like mu
  eta: f32,
  mu_min: f32,
  mu_max: f32,
  rounding: f32,    // added to k before its fraction is dropped
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;                // [nodes, vocab]
@group(0) @binding(1) var<storage, read> row_surprise: array<RowSurprise>;  // [nodes]
@group(0) @binding(2) var<storage, read> tree: TokenTree;
@group(0) @binding(3) var<storage, read_write> control: Control;
@group(0) @binding(4) var<storage, read_write> ring: array<RoundRecord>;    // [RING_ROUNDS]
@group(0) @binding(5) var<storage, read_write> mu_state: array<f32>;        // [1], mu after the tokens committed
@group(0) @binding(6) var<storage, read_write> surprises: array<SurpriseRecord>; // [RING_ROUNDS]
@group(0) @binding(7) var<uniform> params: Params;

const ENDED = 0u;
const ARRIVED = 1u; // at `node`; nothing is known yet
const SEARCH = 2u;  // for the cut that the k largest reach, which is in low..high - 1
const DRAW = 3u;    // among what reaches `low`

struct Pass {
  phase: u32,
  node: u32,
  low: u32,
  high: u32,
}

struct Found {
  counts: vec4<u32>, // logits that reach each of four cuts
  best: Ranked,
  sum: f32,          // of the kept shares, where they matter
}

var<workgroup> current: Pass;
var<workgroup> found: array<Found, 256>;
var<private> mu: f32;
var<private> wanted: u32;
var<private> accepted: u32;
var<private> last_token: u32;
var<private> is_leaf: bool;

fn joined(a: Found, b: Found) -> Found {
  var best = a.best;
  if (beats(b.best, best)) { best = b.best; }
  return Found(a.counts + b.counts, best, a.sum + b.sum);
}

// The i-th of four cuts that part low..high - 1 in five; the 0-th is `low`.
fn part(low: u32, high: u32, i: vec4<u32>) -> vec4<u32> {
  let width = high - low;
  return min(low + i * (width / 5u) + min(i, vec4(width % 5u)), vec4(high - 1u));
}

// log(y / (1 - exp(-y))), by a series where it would cancel.
fn log_ratio(y: f32) -> f32 {
  let h = 0.5 * abs(y);
  if (h < 1.0) {
    let s = h * h;
    let q = fma(s, fma(s, fma(s, fma(s, 1.0 / 467775.0, -1.0 / 37800.0), 1.0 / 2835.0), -1.0 / 180.0), 1.0 / 6.0);
    return 0.5 * y - s * q;
  }
  return min(y, 0.0) + log(2.0 * h) - log(1.0 - exp(-2.0 * h));
}

// k, 1 to vocab.
fn kept_count(row: RowSurprise) -> u32 {
  let size = log(f32(params.vocab));
  let zipf = max(row.zipf, 1e-6);
  let log_k = (mu * NATS - log(size) + log_ratio((zipf - 1.0) * size)) / zipf;
  if (log_k >= size) { return params.vocab; }
  if (log_k <= 0.0) { return 1u; }
  return clamp(u32(exp(log_k) + params.rounding), 1u, params.vocab);
}

// What to look for first at `node`.
fn first_pass(node: u32) -> Pass {
  let row = row_surprise[node];
  let all = NEGATIVE_INFINITY_KEY + 1u;
  let highest = max(order_key(row.top), all);
  if (params.version == 1u) {
    wanted = kept_count(row);
    if (wanted >= row.finite) { return Pass(DRAW, node, all, all + 1u); }
    return Pass(SEARCH, node, all, highest + 1u);
  }
  let cut = order_key(row.top + params.temperature * (row.log_sum - mu * NATS));
  return Pass(DRAW, node, clamp(cut, all, highest), highest + 1u);
}

// The same node's next pass, after one that searched.
fn narrowed(last: Pass, counts: vec4<u32>) -> Pass {
  let reached = vec4<u32>(counts >= vec4(wanted));
  let cuts = part(last.low, last.high, vec4(1u, 2u, 3u, 4u));
  // A cut that keeps exactly k is as good as the highest one that does.
  for (var i = 0u; i < 4u; i += 1u) {
    if (counts[i] == wanted) { return Pass(DRAW, last.node, cuts[i], cuts[i] + 1u); }
  }
  let index = reached.x + reached.y + reached.z + reached.w;
  let ends = part(last.low, last.high, vec4(index, index + 1u, 0u, 0u));
  var high = last.high;
  if (index < 4u) { high = max(ends.y, ends.x + 1u); }
  return Pass(select(SEARCH, DRAW, high == ends.x + 1u), last.node, ends.x, high);
}

// The lowest child of `node` with this token, and whether there is any child.
fn find_child(node: u32, token: u32) -> vec2<u32> {
  var child = vec2(NONE, 0u);
  for (var i = node + 1u; i < params.nodes && child.x == NONE; i += 1u) {
    if (tree.parent[i] != node) { continue; }
    child.y = 1u;
    if (tree.token[i] == token) { child.x = i; }
  }
  return child;
}

// Takes the token that was drawn, and goes on to the child that has it.
fn take(node: u32, drawn: Found) -> Pass {
  let row = row_surprise[node];
  var token = 0u; // a row without a finite logit
  var scaled = -row.log_sum;
  if (drawn.best.id != NO_ID) {
    token = drawn.best.id;
    scaled = (logits[node * params.vocab + token] - row.top) / params.temperature;
  }
  let surprise = max(row.log_sum - scaled, 0.0) * BITS;
  var measured = surprise;
  if (params.truncated == 1u) { measured = max(log(max(drawn.sum, 1.0)) - scaled, 0.0) * BITS; }
  mu = clamp(mu - params.eta * (measured - params.tau), params.mu_min, params.mu_max);
  let record = control.round % RING_ROUNDS;
  surprises[record].mu[accepted] = mu;
  surprises[record].surprise[accepted] = surprise;
  surprises[record].kept[accepted] = drawn.counts.x;

  let child = find_child(node, token);
  if (child.x != NONE && accepted + 1u < LEVEL_CAPACITY) {
    accepted += 1u;
    control.path[accepted] = child.x;
    return Pass(ARRIVED, child.x, 0u, 0u);
  }
  last_token = token;
  is_leaf = child.y == 0u;
  return Pass();
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(local_invocation_index) lane: u32) {
  if (lane == 0u && control.done == 0u) {
    mu = mu_state[0];
    current.phase = ARRIVED;
  }
  loop {
    let at = workgroupUniformLoad(&current);
    if (at.phase == ENDED) { break; }
    let start = at.node * params.vocab;
    let row = row_surprise[at.node];
    let cuts = part(at.low, at.high, vec4(1u, 2u, 3u, 4u));
    let place = control.base + tree.depth[at.node] + 1u;
    var own = Found(vec4<u32>(), Ranked(0u, NO_ID), 0.0);
    for (var c = lane; c < params.vocab && at.phase != ARRIVED; c += WORKGROUP_SIZE) {
      let x = logits[start + c];
      let key = order_key(x);
      if (at.phase == SEARCH) {
        own.counts += vec4<u32>(vec4(key) >= cuts);
      } else if (key >= at.low) {
        let scaled = (x - row.top) / params.temperature;
        own.counts.x += 1u;
        if (params.truncated == 1u) { own.sum += exp(scaled); }
        let noise = gumbel(control.seed, TOKEN_NOISE, place, c);
        let drawn = Ranked(order_key(min(scaled - row.log_sum, 0.0) + noise), c);
        if (beats(drawn, own.best)) { own.best = drawn; }
      }
    }
    found[lane] = own;
    workgroupBarrier();
    if (lane < FAN_IN) {
      for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { own = joined(own, found[i]); }
      found[lane] = own;
    }
    workgroupBarrier();
    if (lane == 0u) {
      for (var i = 1u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { own = joined(own, found[i]); }
      var next = at;
      if (at.phase == SEARCH) { next = narrowed(at, own.counts); }
      if (at.phase == DRAW) { next = take(at.node, own); }
      if (next.phase == ARRIVED) { next = first_pass(next.node); }
      current = next;
    }
  }
  if (lane != 0u) { return; }
  if (control.done == 0u) { mu_state[0] = mu; }
  commit_round(accepted, last_token, is_leaf, params.nodes);
}
