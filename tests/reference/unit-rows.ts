/** x * gain at length 1 in f64, row by row; a row of zeros stays one. x is [rows, k]. */
export function unitRows(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  k: number,
): Float64Array<ArrayBuffer> {
  const out = Float64Array.from({ length: x.length }, (_, i) => x[i]! * gain[i % k]!);
  for (let start = 0; start < out.length; start += k) {
    const row = out.subarray(start, start + k);
    const length = Math.hypot(...row);
    if (length > 0) row.forEach((value, i) => (row[i] = value / length));
  }
  return out;
}
