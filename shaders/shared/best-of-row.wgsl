// The largest of a row of `logits`: the lowest column on a tie; a NaN loses to every number. Its kernel declares `logits` and
// `params.vocab`.

// For lane 0; the others get their own back. All lanes must call it.
fn best_of_row(start: u32, lane: u32) -> Ranked {
  var own = Ranked(0u, NO_ID);
  for (var c = lane; c < params.vocab; c += WORKGROUP_SIZE) {
    let candidate = Ranked(order_key(logits[start + c]), c);
    if (beats(candidate, own)) { own = candidate; }
  }
  return best_of_lanes(lane, own);
}
