/** x + y * gain / rms(y) in f64, row by row; x and y are [rows, k]. */
export function normAdd(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  gain: ArrayLike<number>,
  size: { k: number; eps: number },
): Float64Array<ArrayBuffer> {
  const { k, eps } = size;
  const out = Float64Array.from(x);
  for (let start = 0; start < out.length; start += k) {
    let squares = 0;
    for (let i = 0; i < k; i++) squares += y[start + i]! ** 2;
    const rms = Math.sqrt(squares / k + eps);
    for (let i = 0; i < k; i++) out[start + i]! += (y[start + i]! / rms) * gain[i]!;
  }
  return out;
}
