// kept[:] = logits[row, :] and kept_candidates[:] = candidates[row, :], with row = path[1] - 1: what follows the candidate that
// a step of contrastive search chose, for when the token after it is known. In an opening step row 0.
//
// Grid: ceil(vocab / WORKGROUP_SIZE) workgroups, a lane per column.

override WORKGROUP_SIZE: u32 = 256;

struct Params {
  vocab: u32,
  k: u32,       // candidates per row, at most vocab
  opening: u32, // 1: an opening step
}

@group(0) @binding(0) var<storage, read> control: Control;
@group(0) @binding(1) var<storage, read> logits: array<f32>;                      // [rows, vocab]
@group(0) @binding(2) var<storage, read> candidates: array<Candidate>;            // [rows, k]
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;                  // [vocab]
@group(0) @binding(4) var<storage, read_write> kept_candidates: array<Candidate>; // [k]
@group(0) @binding(5) var<uniform> params: Params;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  // A step that ends the text, or comes after the end, chose nothing that another would follow.
  if (id.x >= params.vocab || (params.opening == 0u && control.done == 1u)) { return; }
  let row = select(control.path[1] - 1u, 0u, params.opening == 1u);
  kept[id.x] = logits[row * params.vocab + id.x];
  if (id.x < params.k) { kept_candidates[id.x] = candidates[row * params.k + id.x]; }
}
