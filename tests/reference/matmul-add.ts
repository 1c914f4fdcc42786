/** y + x W^T in f64: x is [rows, k], w is [cols, k], y is [rows, cols]. */
export function matmulAdd(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  y: ArrayLike<number>,
  size: { rows: number; cols: number; k: number },
): Float64Array<ArrayBuffer> {
  const { rows, cols, k } = size;
  const out = Float64Array.from(y);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) {
      let sum = 0;
      for (let i = 0; i < k; i++) sum += w[c * k + i]! * x[r * k + i]!;
      out[r * cols + c]! += sum;
    }
  }
  return out;
}
