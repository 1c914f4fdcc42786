// Norm of heads, in place: u = gain * u / rms(u) for each head u of q[r] and of the row's key; then rotated,
// (a, b) = (u[i], u[i + d/2]) -> (a cos - b sin, b cos + a sin).
//
// Grid: x = heads + kv_heads, y = rows. A workgroup takes one head; its lanes stride over rotation pairs.

const OUTPUTS = 1u;

struct Params {
  heads: u32,
  kv_heads: u32,
  head_dim: u32,
  slots: u32,
  eps: f32,
}

@group(0) @binding(0) var<storage, read> gains: array<f32>;       // [2, head_dim]: of q, of k
@group(0) @binding(1) var<storage, read> rope: array<f32>;        // [positions, head_dim]: cosines, sines
@group(0) @binding(2) var<storage, read> rows: array<Row>;        // [rows]
@group(0) @binding(3) var<storage, read_write> q: array<f32>;     // [rows, heads, head_dim]
@group(0) @binding(4) var<storage, read_write> kv: array<f32>;    // [2, slots, kv_heads, head_dim]: keys, values
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let half = params.head_dim / 2u;
  let place = rows[group.y];
  let is_key = group.x >= params.heads;
  // A draft's row before the first token has slot -1: its key is not there.
  let valid = !is_key || place.slot < params.slots;
  let q_at = (group.y * params.heads + group.x) * params.head_dim;
  let key_at = (place.slot * params.kv_heads + group.x - params.heads) * params.head_dim;
  let at = select(q_at, key_at, is_key);

  var squares: array<vec4<f32>, OUTPUTS>;
  for (var i = lane; i < half && valid; i += WORKGROUP_SIZE) {
    let pair = load(is_key, at + i, half);
    squares[0] = fma(vec4(pair, 0.0, 0.0), vec4(pair, 0.0, 0.0), squares[0]);
  }
  add_lanes(lane, &squares);
  let sums = lane_sum(0u);
  let scale = inverseSqrt((sums.x + sums.y) / f32(params.head_dim) + params.eps);

  let gain_at = select(0u, params.head_dim, is_key);
  let angle = place.position * params.head_dim;
  for (var i = lane; i < half && valid; i += WORKGROUP_SIZE) {
    let gain = vec2(gains[gain_at + i], gains[gain_at + i + half]);
    let u = load(is_key, at + i, half) * gain * scale;
    let cosine = rope[angle + i];
    let sine = rope[angle + i + half];
    let rotated = vec2(fma(-u.y, sine, u.x * cosine), fma(u.x, sine, u.y * cosine));
    if (is_key) {
      kv[at + i] = rotated.x;
      kv[at + i + half] = rotated.y;
    } else {
      q[at + i] = rotated.x;
      q[at + i + half] = rotated.y;
    }
  }
}

// The pair of numbers that turn together.
fn load(is_key: bool, at: u32, half: u32) -> vec2<f32> {
  if (is_key) {
    return vec2(kv[at], kv[at + half]);
  }
  return vec2(q[at], q[at + half]);
}
