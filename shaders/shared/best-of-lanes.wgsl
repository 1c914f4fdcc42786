// The best of what the lanes of a workgroup found: 16 lanes reduce the lanes' bests, and one reduces
// those: some drivers compile a loop over barriers very slowly.

const FAN_IN = 16u;

var<workgroup> best: array<Ranked, 256>;

fn best_from(first: u32, step: u32, end: u32) -> Ranked {
  var found = best[first];
  for (var i = first + step; i < end; i += step) {
    if (beats(best[i], found)) { found = best[i]; }
  }
  return found;
}

// For lane 0; the others get their own back. All lanes must call it.
fn best_of_lanes(lane: u32, own: Ranked) -> Ranked {
  best[lane] = own;
  workgroupBarrier();
  if (lane < FAN_IN) { best[lane] = best_from(lane, FAN_IN, WORKGROUP_SIZE); }
  workgroupBarrier();
  if (lane != 0u) { return own; }
  return best_from(0u, 1u, min(FAN_IN, WORKGROUP_SIZE));
}
