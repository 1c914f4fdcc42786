// similarities[g, i] = max_j units[base + 1 + i, :] units[j, :] for the four j from 4 g on, up to base: the largest cosine
// between a candidate's hidden state and those of this part of the text.
//
// Grid: x = ceil(slots / 4), y = ceil(candidates / ROWS). Workgroups past the text do nothing. The lanes stride over the
// hidden size; each unit of the text is loaded once and serves ROWS candidates.

const COLUMNS = 4u; // units of the text per workgroup: they fill a vec4
const OUTPUTS = ROWS;

struct Params {
  candidates: u32,
  k4: u32, // hidden / 4
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> units: array<vec4<f32>>;        // [slots, hidden]
@group(0) @binding(2) var<storage, read_write> similarities: array<f32>; // [slots / 4, candidates]
@group(0) @binding(3) var<uniform> params: Params;

// Four units of the text at one place: result[i] has the i-th number of each.
fn load_units(at: vec4<u32>) -> mat4x4<f32> {
  return transpose(mat4x4(units[at.x], units[at.y], units[at.z], units[at.w]));
}

// sum + dot(unit, x) for each of the four, one fma after another.
fn add_units(sum: vec4<f32>, text: mat4x4<f32>, x: vec4<f32>) -> vec4<f32> {
  let first = fma(text[1], vec4(x.y), fma(text[0], vec4(x.x), sum));
  return fma(text[3], vec4(x.w), fma(text[2], vec4(x.z), first));
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) lane: u32) {
  let base = control.base;
  let first = group.x * COLUMNS;
  if (first > base) { return; }
  // Past the text's end its last unit again, which changes no maximum.
  let text_at = min(first + vec4(0u, 1u, 2u, 3u), vec4(base)) * params.k4;
  let first_row = group.y * ROWS;
  let last_row = params.candidates - 1u;
  var sums: array<vec4<f32>, OUTPUTS>;
  for (var k = lane; k < params.k4; k += WORKGROUP_SIZE) {
    let text = load_units(text_at + k);
    for (var r = 0u; r < ROWS; r++) {
      let slot = base + 1u + min(first_row + r, last_row);
      sums[r] = add_units(sums[r], text, units[slot * params.k4 + k]);
    }
  }
  add_lanes(lane, &sums);
  for (var r = lane; r < ROWS; r += WORKGROUP_SIZE) {
    let cosines = lane_sum(r);
    if (first_row + r <= last_row) {
      similarities[group.x * params.candidates + first_row + r] =
        max(max(cosines.x, cosines.y), max(cosines.z, cosines.w));
    }
  }
}
