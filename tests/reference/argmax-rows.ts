/** The column of each row's largest number: the lowest on a tie, NaN below every number. */
export function argmaxRows(logits: ArrayLike<number>, vocab: number): number[] {
  return Array.from({ length: logits.length / vocab }, (_, r) => {
    let best = -1;
    for (let c = 0; c < vocab; c++) {
      const x = logits[r * vocab + c]!;
      if (!Number.isNaN(x) && (best < 0 || x > logits[r * vocab + best]!)) best = c;
    }
    return Math.max(best, 0);
  });
}
