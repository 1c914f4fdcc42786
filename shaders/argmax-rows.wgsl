// ids[r] = argmax_c logits[r, c]: the lowest c on a tie; a NaN loses to every number.
//
// Grid: one workgroup per row. Lanes stride over the columns; 16 lanes then reduce
// the lanes' bests, and one reduces those: some drivers compile a loop over barriers very slowly.

override WORKGROUP_SIZE: u32 = 256; // at most 256

const FAN_IN = 16u;

struct Params {
  vocab: u32,
}

@group(0) @binding(0) var<storage, read> logits: array<f32>;    // [rows, vocab]
@group(0) @binding(1) var<storage, read_write> ids: array<u32>; // [rows]
@group(0) @binding(2) var<uniform> params: Params;

var<workgroup> best: array<Ranked, 256>;

fn best_from(first: u32, step: u32, end: u32) -> Ranked {
  var found = best[first];
  for (var i = first + step; i < end; i += step) {
    if (beats(best[i], found)) { found = best[i]; }
  }
  return found;
}

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let row = group.x * params.vocab;
  var own = Ranked(0u, NO_ID);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let candidate = Ranked(order_key(logits[row + c]), c);
    if (beats(candidate, own)) { own = candidate; }
  }
  best[lane] = own;
  workgroupBarrier();
  if (lane < FAN_IN) { best[lane] = best_from(lane, FAN_IN, WORKGROUP_SIZE); }
  workgroupBarrier();
  if (lane == 0u) { ids[group.x] = best_from(0u, 1u, min(FAN_IN, WORKGROUP_SIZE)).id; }
}
