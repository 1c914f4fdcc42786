// What the rules that reject drafted tokens share. Each runs as one workgroup: lane 0 walks the tree, and all
// lanes take part in a pass over the vocabulary. Its kernel declares `target_rows`, `tree`, `control` and `params`.

const NO_CHILD = 0xffffffffu;

// Differences between shares that add up to 1 are off by this much in all: a smaller residual is rounding.
const NOTHING = 0x1p-22;
// A mass that shares can safely be divided by. Below it, what is left of a draft counts as used up.
const SMALLEST = 0x1p-100;
// What a token keeps of its share where the draft claims all of it. In exact arithmetic something else is
// always left to draw; rounding can take that away, and what is drawn must be a token of the target still.
const KEPT = 0x1p-40;

var<workgroup> sums: array<vec2<f32>, 256>;

// Exact zero for an excluded token.
fn probability(log_p: f32) -> f32 {
  if (order_key(log_p) <= NEGATIVE_INFINITY_KEY) { return 0.0; }
  return exp(log_p);
}

fn acceptance_number(node: u32) -> f32 {
  return uniform_number(control.seed, ACCEPTANCE, draw_place(control.base, node), 0u);
}

// The first child after `tried` in draw order; `tried = node`: the first of all.
fn next_child(node: u32, tried: u32) -> u32 {
  for (var i = tried + 1u; i < params.nodes; i += 1u) {
    if (tree.parent[i] == node) { return i; }
  }
  return NO_CHILD;
}

// The lanes' numbers added in one order, the same for every lane. All lanes must call it.
fn add_lanes(lane: u32, own: vec2<f32>) -> vec2<f32> {
  workgroupBarrier();
  sums[lane] = own;
  workgroupBarrier();
  if (lane < FAN_IN) {
    var sum = own;
    for (var i = lane + FAN_IN; i < WORKGROUP_SIZE; i += FAN_IN) { sum += sums[i]; }
    sums[lane] = sum;
  }
  workgroupBarrier();
  var sum = sums[0];
  for (var i = 1u; i < min(FAN_IN, WORKGROUP_SIZE); i += 1u) { sum += sums[i]; }
  return sum;
}

// A token drawn at `node` in proportion to its row of `target_rows`, weights or their logarithms; for lane 0.
// NO_ID where no token has any. All lanes must call it.
fn draw_token(lane: u32, node: u32, is_log: bool) -> u32 {
  let place = draw_place(control.base, node);
  var own = Ranked(0u, NO_ID);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let x = target_rows[node * params.vocab + c];
    var weighs = order_key(x) > NEGATIVE_INFINITY_KEY;
    var log_weight = x;
    if (!is_log) {
      weighs = x > 0.0;
      log_weight = log(x);
    }
    if (weighs) {
      let perturbed = log_weight + gumbel(control.seed, RESIDUAL, place, c);
      let candidate = Ranked(order_key(perturbed), c);
      if (beats(candidate, own)) { own = candidate; }
    }
  }
  return best_of_lanes(lane, own).id;
}
