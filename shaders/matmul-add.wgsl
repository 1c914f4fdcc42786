// Matrix product onto the residual stream: y[r, c] += sum_k w[c, k] x[r, k].
//
// Grid: x = ceil(cols / COLS), y = ceil(rows / ROWS). The lanes stride over k; each weight is loaded
// once and used for all ROWS rows.

struct Params {
  rows: u32,
  cols: u32,
  k4: u32, // k / 4
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;   // [rows, k]
@group(0) @binding(1) var<storage, read> w: array<weight4>;     // [cols, k]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;   // [rows, cols]
@group(0) @binding(3) var<uniform> params: Params;

const OUTPUTS = ROWS * COLS;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_col = group.x * COLS;
  let first_row = group.y * ROWS;
  // Columns and rows past the end repeat the last one, so that every lane does the same work.
  var weights_at: array<u32, COLS>;
  for (var c = 0u; c < COLS; c++) {
    weights_at[c] = min(first_col + c, params.cols - 1u) * params.k4;
  }
  var x_at: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    x_at[r] = min(first_row + r, params.rows - 1u) * params.k4;
  }

  var sums: array<f32, OUTPUTS>;
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    var weights: array<vec4<f32>, COLS>;
    for (var c = 0u; c < COLS; c++) {
      weights[c] = unpack4(w[weights_at[c] + k]);
    }
    for (var r = 0u; r < ROWS; r++) {
      let value = x[x_at[r] + k];
      for (var c = 0u; c < COLS; c++) {
        sums[r * COLS + c] = add_dot(sums[r * COLS + c], weights[c], value);
      }
    }
  }
  add_lanes(lane, &sums);

  for (var o = lane; o < OUTPUTS; o += WORKGROUP_SIZE) {
    let row = first_row + o / COLS;
    let col = first_col + o % COLS;
    if (row < params.rows && col < params.cols) {
      y[row * params.cols + col] += lane_sum(o);
    }
  }
}
