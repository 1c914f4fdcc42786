// Adds up what the lanes of a workgroup hold, OUTPUTS numbers each, by one fixed pairwise tree: the
// order depends on WORKGROUP_SIZE (a power of two) alone. The sums end up in lane_sum().

const HALF_LANES = WORKGROUP_SIZE / 2u;

// [output, lane]. The upper half of the lanes hands over to the lower half, which saves half the memory.
var<workgroup> partials: array<f32, OUTPUTS * HALF_LANES>;

// To be called by all lanes, in uniform control flow.
fn add_lanes(lane: u32, own: ptr<function, array<f32, OUTPUTS>>) {
  if (lane >= HALF_LANES) {
    for (var o = 0u; o < OUTPUTS; o++) {
      partials[o * HALF_LANES + lane - HALF_LANES] = (*own)[o];
    }
  }
  workgroupBarrier();
  if (lane < HALF_LANES) {
    for (var o = 0u; o < OUTPUTS; o++) {
      partials[o * HALF_LANES + lane] += (*own)[o];
    }
  }
  workgroupBarrier();
  for (var stride = HALF_LANES / 2u; stride > 0u; stride /= 2u) {
    for (var pair = lane; pair < OUTPUTS * stride; pair += WORKGROUP_SIZE) {
      let at = pair / stride * HALF_LANES + pair % stride;
      partials[at] += partials[at + stride];
    }
    workgroupBarrier();
  }
}

fn lane_sum(output: u32) -> f32 {
  return partials[output * HALF_LANES];
}
