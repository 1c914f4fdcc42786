// Norm onto the residual stream: x[r, :] += y[r, :] * gain / rms(y[r, :]).
//
// Grid: one workgroup per row; its lanes stride over the columns.

const OUTPUTS = 1u;

struct Params {
  k4: u32, // hidden / 4
  eps: f32,
}

@group(0) @binding(0) var<storage, read> y: array<vec4<f32>>;       // [rows, hidden]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;    // [hidden]
@group(0) @binding(2) var<storage, read_write> x: array<vec4<f32>>; // [rows, hidden]
@group(0) @binding(3) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row_at = group.x * params.k4;
  var squares: array<vec4<f32>, OUTPUTS>;
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    squares[0] = fma(y[row_at + k], y[row_at + k], squares[0]);
  }
  add_lanes(lane, &squares);
  let sums = lane_sum(0u);
  let mean_square = ((sums.x + sums.y) + (sums.z + sums.w)) / f32(params.k4 * 4u);
  let scale = inverseSqrt(mean_square + params.eps);
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    x[row_at + k] = fma(y[row_at + k] * gain[k], vec4(scale), x[row_at + k]);
  }
}
