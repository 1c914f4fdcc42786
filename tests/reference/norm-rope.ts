/** One head in f64: u * gain / rms(u), then each pair (i, i + d/2) turned by its angle. */
export function normRope(
  head: ArrayLike<number>,
  gain: ArrayLike<number>,
  angles: ArrayLike<number>, // [d / 2], radians
  eps: number,
): { readonly normed: Float64Array<ArrayBuffer>; readonly out: Float64Array<ArrayBuffer> } {
  const dim = head.length;
  let squares = 0;
  for (let i = 0; i < dim; i++) squares += head[i]! ** 2;
  const rms = Math.sqrt(squares / dim + eps);
  const normed = Float64Array.from({ length: dim }, (_, i) => (head[i]! / rms) * gain[i]!);
  const out = new Float64Array(dim);
  for (let i = 0; i < dim / 2; i++) {
    const [c, s] = [Math.cos(angles[i]!), Math.sin(angles[i]!)];
    out[i] = normed[i]! * c - normed[i + dim / 2]! * s;
    out[i + dim / 2] = normed[i + dim / 2]! * c + normed[i]! * s;
  }
  return { normed, out };
}
