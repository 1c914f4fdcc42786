// Matrix product onto the residual stream: y[r, c] += sum_k w[c, k] x[r, k]; without ADD in place of y.
//
// Grid: x = ceil(cols / 4), y = ceil(rows / ROWS). The lanes stride over k; each weight is loaded once
// and used for all ROWS rows.

override ADD: u32 = 1;

struct Params {
  rows: u32,
  cols: u32,
  k4: u32, // k / 4
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;   // [rows, k]
@group(0) @binding(1) var<storage, read> w: array<weight_word>; // [cols, k]
@group(0) @binding(2) var<storage, read_write> y: array<f32>;   // [rows, cols]
@group(0) @binding(3) var<uniform> params: Params;

const OUTPUTS = ROWS;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let first_col = group.x * COLUMNS;
  let first_row = group.y * ROWS;
  // Columns and rows past the end repeat the last one, so that every lane does the same work.
  let columns = min(first_col + vec4(0u, 1u, 2u, 3u), vec4(params.cols - 1u));

  var sums: array<vec4<f32>, OUTPUTS>;
  for (var place = lane; place < places(params.k4); place += WORKGROUP_SIZE) {
    let loaded = load_columns(columns, place, params.k4);
    for (var part = 0u; part < PARTS; part++) {
      let k = chunk_of(place, part);
      if (k < params.k4) {
        let weights = unpack_columns(loaded, part);
        for (var r = 0u; r < ROWS; r++) {
          let row = min(first_row + r, params.rows - 1u);
          sums[r] = add_columns(sums[r], weights, x[row * params.k4 + k]);
        }
      }
    }
  }
  add_lanes(lane, &sums);

  for (var output = lane; output < ROWS * COLUMNS; output += WORKGROUP_SIZE) {
    let row = first_row + output / COLUMNS;
    let col = first_col + output % COLUMNS;
    if (row < params.rows && col < params.cols) {
      let at = row * params.cols + col;
      y[at] = select(0.0, y[at], ADD == 1u) + lane_sum(output / COLUMNS)[output % COLUMNS];
    }
  }
}
