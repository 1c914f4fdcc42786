// Logits: logits[r, c] = sum_k w[c, k] n[k], with n = x[first + r, :] * gain / rms(x[first + r, :]).
//
// Grid: x = ceil(cols / COLS), y = ceil(rows / ROWS). The lanes stride over k; each weight is loaded
// once and used for all ROWS rows.

struct Params {
  rows: u32,
  first: u32, // the row of x that becomes row 0
  cols: u32,
  k4: u32,    // k / 4
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;        // [first + rows, k]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;     // [k]
@group(0) @binding(2) var<storage, read> w: array<weight4>;          // [cols, k]
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;   // [rows, cols]
@group(0) @binding(4) var<uniform> params: Params;

fn weight_row(group: u32, c: u32) -> u32 {
  return min(group * COLS + c, params.cols - 1u);
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_row = group.y * ROWS;
  norm_dot(lane, group.x, params.first + first_row, params.first + params.rows - 1u);

  for (var o = lane; o < ROWS * COLS; o += WORKGROUP_SIZE) {
    let row = first_row + o / COLS;
    let col = group.x * COLS + o % COLS;
    if (row < params.rows && col < params.cols) {
      logits[row * params.cols + col] = normed_sum(o / COLS, o % COLS);
    }
  }
}
