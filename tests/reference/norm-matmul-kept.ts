/** Logits of some tokens in f64, -Infinity for the others: x is [first + rows, k], w is [vocab, k]. */
export function normMatmulKept(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  w: ArrayLike<number>,
  kept: ReadonlySet<number>,
  size: { rows: number; first: number; vocab: number; k: number; eps: number },
): number[] {
  const { rows, first, vocab, k, eps } = size;
  return Array.from({ length: rows * vocab }, (_, place) => {
    const token = place % vocab;
    if (!kept.has(token)) return -Infinity;
    const at = (first + Math.floor(place / vocab)) * k;
    let [sum, squares] = [0, 0];
    for (let i = 0; i < k; i++) {
      squares += x[at + i]! * x[at + i]!;
      sum += x[at + i]! * gain[i]! * w[token * k + i]!;
    }
    return sum / Math.sqrt(squares / k + eps);
  });
}
