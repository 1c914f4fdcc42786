// units[slot(r), :] = n / |n| with n = x[r, :] * gain: a pass's last hidden states at length 1, by the slots of their keys.
// The norm's 1 / rms would cancel. An n shorter than 2^-63 counts as zero and gives zeros.
//
// Grid: one workgroup per row; its lanes stride over the columns.

const OUTPUTS = 1u;
const SHORTEST = 1.17549435e-38; // 2^-126: what is smaller may be flushed to zero

struct Params {
  k4: u32, // hidden / 4
}

@group(0) @binding(0) var<storage, read> x: array<vec4<f32>>;           // [rows, hidden]
@group(0) @binding(1) var<storage, read> gain: array<vec4<f32>>;        // [hidden]
@group(0) @binding(2) var<storage, read> rows: array<Row>;              // [rows]
@group(0) @binding(3) var<storage, read_write> units: array<vec4<f32>>; // [slots, hidden]
@group(0) @binding(4) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let row_at = group.x * params.k4;
  let unit_at = rows[group.x].slot * params.k4;
  var squares: array<vec4<f32>, OUTPUTS>;
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    let n = x[row_at + k] * gain[k];
    squares[0] = fma(n, n, squares[0]);
  }
  add_lanes(lane, &squares);
  let sums = lane_sum(0u);
  let square = (sums.x + sums.y) + (sums.z + sums.w);
  let scale = select(0.0, inverseSqrt(max(square, SHORTEST)), square >= SHORTEST);
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    units[unit_at + k] = x[row_at + k] * gain[k] * scale;
  }
}
