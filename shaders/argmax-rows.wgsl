// ids[r] = argmax_c logits[r, c]: the lowest c on a tie; a NaN loses to every number.
//
// Grid: one workgroup per row. Lanes stride over the columns.

override WORKGROUP_SIZE: u32 = 256; // at most 256

struct Params {
  vocab: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [rows, vocab]
@group(0) @binding(1) var<storage, read_write> ids: array<u32>; // [rows]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.x * params.vocab;
  let found = best_of_row(row, lane);
  if (lane == 0u) { ids[group.x] = found.id; }
}
