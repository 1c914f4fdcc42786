/** Where a candidate's dot products with the text stand: the largest, and the largest sum of a product's magnitudes. */
export interface Similarity {
  readonly value: number;
  readonly magnitude: number;
}

/** The largest dot product of every candidate with the units of the text, which has `length` of them; both are rows of `k`. */
export function contrastRows(
  text: ArrayLike<number>,
  candidates: ArrayLike<number>,
  k: number,
): Similarity[] {
  const found: Similarity[] = [];
  for (let c = 0; c < candidates.length; c += k) {
    let [value, magnitude] = [-Infinity, 0];
    for (let j = 0; j < text.length; j += k) {
      let [dot, terms] = [0, 0];
      for (let i = 0; i < k; i++) {
        const product = text[j + i]! * candidates[c + i]!;
        dot += product;
        terms += Math.abs(product);
      }
      value = Math.max(value, dot);
      magnitude = Math.max(magnitude, terms);
    }
    found.push({ value, magnitude });
  }
  return found;
}
