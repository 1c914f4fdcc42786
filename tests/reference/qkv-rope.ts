/** What qkv-rope makes of one pass, in f64, row by row. */
export interface Qkv {
  readonly q: Float64Array<ArrayBuffer>; // [rows, heads, headDim], rotated
  readonly k: Float64Array<ArrayBuffer>; // [rows, kvHeads, headDim], rotated
  readonly v: Float64Array<ArrayBuffer>; // [rows, kvHeads, headDim]
}

export interface QkvSize {
  readonly rows: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly eps: number;
  readonly theta: number;
  /** Of q, k and v, one after another. Default: none. */
  readonly biases?: ArrayLike<number>;
}

/** x is [rows, hidden]; w is q, k and v stacked, [(heads + 2 kvHeads) headDim, hidden]. */
export function qkvRope(
  x: ArrayLike<number>,
  gain: ArrayLike<number>,
  w: ArrayLike<number>,
  positions: ArrayLike<number>,
  size: QkvSize,
): Qkv {
  const { rows, hidden, heads, kvHeads, headDim, eps, theta, biases } = size;
  const widths = [heads * headDim, kvHeads * headDim, kvHeads * headDim];
  const parts = widths.map((width) => new Float64Array(rows * width));
  for (let r = 0; r < rows; r++) {
    const row = Array.from({ length: hidden }, (_, i) => x[r * hidden + i]!);
    const rms = Math.sqrt(row.reduce((sum, value) => sum + value * value, 0) / hidden + eps);
    let column = 0;
    widths.forEach((width, part) => {
      for (let c = 0; c < width; c++, column++) {
        let sum = biases?.[column] ?? 0;
        for (let i = 0; i < hidden; i++)
          sum += (w[column * hidden + i]! * row[i]! * gain[i]!) / rms;
        parts[part]![r * width + c] = sum;
      }
      if (part < 2) {
        for (let c = 0; c < width; c += headDim) {
          rotate(
            parts[part]!.subarray(r * width + c, r * width + c + headDim),
            positions[r]!,
            theta,
          );
        }
      }
    });
  }
  return { q: parts[0]!, k: parts[1]!, v: parts[2]! };
}

/** Rotary position, half-split convention, in place. */
function rotate(head: Float64Array, position: number, theta: number): void {
  const half = head.length / 2;
  for (let i = 0; i < half; i++) {
    const angle = position * theta ** (-i / half);
    const [a, b] = [head[i]!, head[i + half]!];
    head[i] = a * Math.cos(angle) - b * Math.sin(angle);
    head[i + half] = b * Math.cos(angle) + a * Math.sin(angle);
  }
}
