// kept[r, c] = logits[r, c]: what the model said, before edits and stages overwrite it.
//
// Grid: [vocab / WORKGROUP_SIZE, rows]; a lane copies one number.

override WORKGROUP_SIZE: u32 = 256;

struct Params {
  vocab: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;     // [rows, vocab]
@group(0) @binding(1) var<storage, read_write> kept: array<f32>; // [rows, vocab]
@group(0) @binding(2) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let column = group.x * WORKGROUP_SIZE + lane;
  if (column >= params.vocab) { return; }
  let at = group.y * params.vocab + column;
  kept[at] = logits[at];
}
