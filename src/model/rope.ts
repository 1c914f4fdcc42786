/** Rotary position embedding (Su et al. 2021, arXiv 2104.09864) as a table, in the half-split convention. */

/**
 * Cosines and sines for positions 0..positions-1: `[positions, headDim]`, cosines in the first half of a row. Computed
 * in f64 and rounded once, so every adapter rotates by the same angles.
 */
export function ropeTable(
  positions: number,
  headDim: number,
  theta: number,
): Float32Array<ArrayBuffer> {
  const half = headDim / 2;
  const table = new Float32Array(positions * headDim);
  for (let i = 0; i < half; i++) {
    const frequency = theta ** (-i / half);
    for (let position = 0; position < positions; position++) {
      const angle = position * frequency;
      table[position * headDim + i] = Math.cos(angle);
      table[position * headDim + half + i] = Math.sin(angle);
    }
  }
  return table;
}
