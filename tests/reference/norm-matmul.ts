/** W (x * gain / rms(x)) in f64 for rows `first` and on: x is [first + rows, k], w is [cols, k]. */
export function normMatmul(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  w: ArrayLike<number>,
  size: { rows: number; first: number; cols: number; k: number; eps: number },
): Float64Array<ArrayBuffer> {
  const { rows, first, cols, k, eps } = size;
  const out = new Float64Array(rows * cols);
  const normed = new Float64Array(k);
  for (let r = 0; r < rows; r++) {
    const at = (first + r) * k;
    let squares = 0;
    for (let i = 0; i < k; i++) squares += x[at + i]! ** 2;
    const rms = Math.sqrt(squares / k + eps);
    for (let i = 0; i < k; i++) normed[i] = (x[at + i]! * gain[i]!) / rms;
    for (let c = 0; c < cols; c++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += w[c * k + i]! * normed[i]!;
      out[r * cols + c] = sum;
    }
  }
  return out;
}
