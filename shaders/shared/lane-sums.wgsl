// Adds up what the lanes of a workgroup hold, OUTPUTS vectors each, by one fixed pairwise tree: its order
// depends on WORKGROUP_SIZE (a power of two, at least 2) alone.

const HALF_LANES = WORKGROUP_SIZE / 2u;

// [output, lane]. Half a workgroup's worth: memory bounds how many workgroups a GPU runs at once, and
// software adapters spend time in proportion to it.
var<workgroup> partials: array<vec4<f32>, OUTPUTS * HALF_LANES>;

// To be called by all lanes, in uniform control flow.
fn add_lanes(lane: u32, own: ptr<function, array<vec4<f32>, OUTPUTS>>) {
  let place = lane % HALF_LANES;
  if (lane >= HALF_LANES) {
    for (var o = 0u; o < OUTPUTS; o++) {
      partials[o * HALF_LANES + place] = (*own)[o];
    }
  }
  workgroupBarrier();
  if (lane < HALF_LANES) {
    for (var o = 0u; o < OUTPUTS; o++) {
      partials[o * HALF_LANES + place] += (*own)[o];
    }
  }
  workgroupBarrier();
  // Two levels of the tree per barrier.
  for (var stride = HALF_LANES / 4u; stride > 0u; stride /= 4u) {
    for (var sum = lane; sum < OUTPUTS * stride; sum += WORKGROUP_SIZE) {
      let at = sum / stride * HALF_LANES + sum % stride;
      let low = partials[at] + partials[at + stride];
      let high = partials[at + 2u * stride] + partials[at + 3u * stride];
      partials[at] = low + high;
    }
    workgroupBarrier();
  }
}

fn lane_sum(output: u32) -> vec4<f32> {
  let at = output * HALF_LANES;
  // An odd power of two leaves two sums.
  if (firstTrailingBit(HALF_LANES) % 2u == 1u) {
    return partials[at] + partials[at + 1u];
  }
  return partials[at];
}
