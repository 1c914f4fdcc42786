// Attention inputs: [q, k, v][r] = w n + bias, with n = x[r, :] * gain / rms(x[r, :]); q and k are rotated,
// (a, b) = (u[i], u[i + d/2]) -> (a cos - b sin, b cos + a sin), and k and v go into the cache.
// Without BIAS there is no bias; without ROTATE q and k stay as they are, for norm-rope.
//
// Grid: x = (heads + 2 kv_heads) * head_dim / 4, y = ceil(rows / ROWS). A workgroup takes two rotation
// pairs; the lanes stride over k, and each weight is loaded once for all ROWS rows.

override BIAS: u32 = 0;
override ROTATE: u32 = 1;

struct Params {
  rows: u32,
  k4: u32, // hidden / 4
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
  slots: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;      // [rows, hidden]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;   // [hidden], then with BIAS [(heads + 2 kv_heads) head_dim]
@group(0) @binding(2) var<storage, read> w: array<weight_word>;    // [(heads + 2 kv_heads) head_dim, hidden]
@group(0) @binding(3) var<storage, read> rope: array<f32>;         // [positions, head_dim]: cosines, sines
@group(0) @binding(4) var<storage, read> rows: array<Row>;         // [rows]
@group(0) @binding(5) var<storage, read_write> q: array<f32>;      // [rows, heads, head_dim]
@group(0) @binding(6) var<storage, read_write> kv: array<f32>;     // [2, slots, kv_heads, head_dim]: keys, values
@group(0) @binding(7) var<uniform> params: Params;

const PAIRS = COLUMNS / 2u; // per workgroup; head_dim is a multiple of 4, so there is an even number of them

// The first element of a rotation pair, as a row of w; the second is head_dim / 2 further on.
fn pair_start(pair: u32) -> u32 {
  let half = params.head_dim / 2u;
  return pair / half * params.head_dim + pair % half;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * ROWS;
  let starts = vec2(pair_start(group.x * PAIRS), pair_start(group.x * PAIRS + 1u));
  norm_dot(lane, vec4(starts, starts + params.head_dim / 2u), first_row, params.rows - 1u);

  for (var output = lane; output < ROWS * PAIRS; output += WORKGROUP_SIZE) {
    let row = first_row + output / PAIRS;
    let pair = output % PAIRS;
    if (row < params.rows) {
      let sums = normed_sum(output / PAIRS);
      store(row, starts[pair], biased(vec2(sums[pair], sums[pair + PAIRS]), starts[pair]));
    }
  }
}

fn biased(pair: vec2<f32>, start: u32) -> vec2<f32> {
  if (BIAS == 0u) {
    return pair;
  }
  return pair + vec2(bias_at(start), bias_at(start + params.head_dim / 2u));
}

fn bias_at(output: u32) -> f32 {
  return gain[params.k4 + output / 4u][output % 4u];
}

// `start` is the first element's place in [q, k, v].
fn store(row: u32, start: u32, pair: vec2<f32>) {
  let half = params.head_dim / 2u;
  let q_size = params.heads * params.head_dim;
  let kv_size = params.kv_heads * params.head_dim;
  let place = rows[row];
  // A draft's row before the first token has position -1 and slot -1: it writes nothing.
  let valid = place.slot < params.slots;

  if (start >= q_size + kv_size) {
    let at = (params.slots + place.slot) * kv_size + start - q_size - kv_size;
    if (valid) {
      kv[at] = pair.x;
      kv[at + half] = pair.y;
    }
    return;
  }

  let angle = place.position * params.head_dim + start % params.head_dim;
  var rotated = pair;
  if (ROTATE == 1u) {
    rotated = rotate(pair, rope[angle], rope[angle + half]);
  }
  if (start < q_size) {
    q[row * q_size + start] = rotated.x;
    q[row * q_size + start + half] = rotated.y;
  } else if (valid) {
    let at = place.slot * kv_size + start - q_size;
    kv[at] = rotated.x;
    kv[at + half] = rotated.y;
  }
}

fn rotate(pair: vec2<f32>, cosine: f32, sine: f32) -> vec2<f32> {
  return vec2(fma(-pair.y, sine, pair.x * cosine), fma(pair.x, sine, pair.y * cosine));
}
