// Gated feed-forward: h[r, c] = silu(wg[c, :] n) * (wu[c, :] n), with n = x[r, :] * gain / rms(x[r, :]).
// With GELU gelu in place of silu, in its approximation by tanh.
//
// Grid: x = ceil(cols / 2), y = ceil(rows / ROWS). A workgroup takes the gate and up rows of two columns;
// the lanes stride over k, and each weight is loaded once for all ROWS rows.

override GELU: u32 = 0;

struct Params {
  rows: u32,
  cols: u32, // of h
  k4: u32,   // k / 4
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;      // [rows, k]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;   // [k]
@group(0) @binding(2) var<storage, read> w: array<weight_word>;    // [2 cols, k]: wg, then wu
@group(0) @binding(3) var<storage, read_write> h: array<f32>;      // [rows, cols]
@group(0) @binding(4) var<uniform> params: Params;

const PAIRS = COLUMNS / 2u; // columns of h per workgroup

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_col = group.x * PAIRS;
  let first_row = group.y * ROWS;
  let pair = min(first_col + vec2(0u, 1u), vec2(params.cols - 1u));
  norm_dot(lane, vec4(pair, params.cols + pair), first_row, params.rows - 1u);

  for (var output = lane; output < ROWS * PAIRS; output += WORKGROUP_SIZE) {
    let row = first_row + output / PAIRS;
    let col = first_col + output % PAIRS;
    if (row < params.rows && col < params.cols) {
      let sums = normed_sum(output / PAIRS);
      let gate = sums[output % PAIRS];
      let up = sums[output % PAIRS + PAIRS];
      // Below -80 silu is zero for all purposes; the bound keeps exp from overflowing.
      h[row * params.cols + col] = gate / (1.0 + exp(-max(slope(gate), -80.0))) * up;
    }
  }
}

// What the sigmoid that multiplies the gate is taken of.
fn slope(gate: f32) -> f32 {
  if (GELU == 0u) {
    return gate;
  }
  // (1 + tanh(z)) / 2 is the sigmoid of 2 z; z = sqrt(2 / pi) (g + 0.044715 g^3). Beyond 20 it is 0 or 1, and the
  // bound keeps the cube from overflowing.
  let g = clamp(gate, -20.0, 20.0);
  return 1.5957691216057308 * fma(0.044715 * g * g, g, g);
}
