// W (x * gain) for four columns and ROWS rows, with each row's sum of squares on the way: the loop of the
// kernels that read a normed x. 1 / rms is one number per row, so it is applied to the finished sums.
//
// Its kernel declares x, gain and w, params.k4 and params.eps.

const OUTPUTS = ROWS + (ROWS + 3u) / 4u; // each row's columns, then the squares of four rows in a vec4

// `columns` are rows of w. Rows of x past `last_row` repeat it, so that every lane does the same work; what
// they give is not stored.
fn norm_dot(lane: u32, columns: vec4<u32>, first_row: u32, last_row: u32) {
  var sums: array<vec4<f32>, OUTPUTS>;
  var squares: array<f32, ROWS>;
  for (var place = lane; place < places(params.k4); place += WORKGROUP_SIZE) {
    let loaded = load_columns(columns, place, params.k4);
    for (var part = 0u; part < PARTS; part++) {
      let k = chunk_of(place, part);
      if (k < params.k4) {
        let weights = unpack_columns(loaded, part);
        let g = gain[k];
        for (var r = 0u; r < ROWS; r++) {
          let value = x[min(first_row + r, last_row) * params.k4 + k];
          sums[r] = add_columns(sums[r], weights, value * g);
          squares[r] = add_dot(squares[r], value, value);
        }
      }
    }
  }
  for (var r = 0u; r < ROWS; r++) {
    sums[ROWS + r / 4u][r % 4u] = squares[r];
  }
  add_lanes(lane, &sums);
}

// The four columns of W n for the r-th row, after norm_dot.
fn normed_sum(r: u32) -> vec4<f32> {
  let mean_square = lane_sum(ROWS + r / 4u)[r % 4u] / f32(params.k4 * 4u);
  return lane_sum(r) * inverseSqrt(mean_square + params.eps);
}
