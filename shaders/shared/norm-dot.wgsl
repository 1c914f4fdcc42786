// W (x * g) for COLS columns and ROWS rows, with each row's sum of squares on the way: the loop of the
// kernels that read a normed x. 1 / rms is one number per row, so it is applied to the finished sums.
//
// Its kernel declares x, gain and w, params.k4 and params.eps, and `weight_row(group, c)`: which row
// of w the group's c-th column is.

const SUMS = COLS + 1u; // per row: the columns, then the sum of squares
const OUTPUTS = ROWS * SUMS;

// Rows past `last_row` repeat it, so that every lane does the same; nobody stores what they give.
fn norm_dot(lane: u32, group: u32, first_row: u32, last_row: u32) {
  var weights_at: array<u32, COLS>;
  for (var c = 0u; c < COLS; c++) {
    weights_at[c] = weight_row(group, c) * params.k4;
  }
  var x_at: array<u32, ROWS>;
  for (var r = 0u; r < ROWS; r++) {
    x_at[r] = min(first_row + r, last_row) * params.k4;
  }

  var sums: array<f32, OUTPUTS>;
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    let g = gain[k];
    var weights: array<vec4<f32>, COLS>;
    for (var c = 0u; c < COLS; c++) {
      weights[c] = unpack4(w[weights_at[c] + k]);
    }
    for (var r = 0u; r < ROWS; r++) {
      let value = x[x_at[r] + k];
      let scaled = value * g;
      for (var c = 0u; c < COLS; c++) {
        sums[r * SUMS + c] = add_dot(sums[r * SUMS + c], weights[c], scaled);
      }
      sums[r * SUMS + COLS] = add_dot(sums[r * SUMS + COLS], value, value);
    }
  }
  add_lanes(lane, &sums);
}

// W n for the r-th row and c-th column, after norm_dot.
fn normed_sum(r: u32, c: u32) -> f32 {
  let mean_square = lane_sum(r * SUMS + COLS) / f32(params.k4 * 4u);
  return lane_sum(r * SUMS + c) * inverseSqrt(mean_square + params.eps);
}
