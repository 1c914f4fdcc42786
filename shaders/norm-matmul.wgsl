// Logits: logits[r, c] = sum_k w[c, k] n[k], with n = x[first + r, :] * gain / rms(x[first + r, :]).
// With SOFTCAP c a logit z is c tanh(z / c).
//
// Grid: x = ceil(cols / 4 / n), y = n ceil(rows / ROWS), with n = 1 where x takes all columns. The lanes stride over k; each weight is loaded once and used for all ROWS rows.

override SOFTCAP: f32 = 0;

struct Params {
  rows: u32,
  first: u32, // the row of x that becomes row 0
  cols: u32,
  k4: u32,    // k / 4
  eps: f32,
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;        // [first + rows, k]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;     // [k]
@group(0) @binding(2) var<storage, read> w: array<weight_word>;      // [cols, k]
@group(0) @binding(3) var<storage, read_write> logits: array<f32>;   // [rows, cols]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let tiles = (params.rows + ROWS - 1u) / ROWS;
  let first_col = (group.y / tiles * column_groups(params.cols).width + group.x) * COLUMNS;
  let first_row = group.y % tiles * ROWS;
  let columns = min(first_col + vec4(0u, 1u, 2u, 3u), vec4(params.cols - 1u));
  norm_dot(lane, columns, params.first + first_row, params.first + params.rows - 1u);

  for (var output = lane; output < ROWS * COLUMNS; output += WORKGROUP_SIZE) {
    let row = first_row + output / COLUMNS;
    let col = first_col + output % COLUMNS;
    if (row < params.rows && col < params.cols) {
      var logit = normed_sum(output / COLUMNS)[output % COLUMNS];
      if (SOFTCAP > 0.0) {
        logit = softcap(logit, SOFTCAP);
      }
      logits[row * params.cols + col] = logit;
    }
  }
}
