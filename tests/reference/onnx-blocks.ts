// MatMulNBits' weights, in f64, as onnxruntime's ContribOperators.md defines them; and a way of making such weights.

export interface NBits {
  readonly rows: number;
  readonly k: number;
  readonly block: number;
  readonly bits: 4 | 8;
  /** `[rows, blocks, block * bits / 8]`. */
  readonly data: Uint8Array<ArrayBuffer>;
  /** `[rows, blocks]`. */
  readonly scales: Float64Array<ArrayBuffer>;
  /** `[rows, blocks]`; absent: 8 or 128. */
  readonly zeros: number[] | undefined;
}

/** The numbers: (q - zero) * scale. */
export function nbitsNumbers(m: NBits): Float64Array<ArrayBuffer> {
  const blocks = Math.ceil(m.k / m.block);
  const out = new Float64Array(m.rows * m.k);
  for (let row = 0; row < m.rows; row++) {
    for (let i = 0; i < m.k; i++) {
      const at = row * blocks + Math.floor(i / m.block);
      const perByte = 8 / m.bits;
      const byte = m.data[((at * m.block + (i % m.block)) / perByte) | 0]!;
      const q = m.bits === 8 ? byte : i % 2 === 0 ? byte % 16 : Math.floor(byte / 16);
      const zero = m.zeros ? m.zeros[at]! : 2 ** (m.bits - 1);
      out[row * m.k + i] = m.scales[at]! * (q - zero);
    }
  }
  return out;
}

/** The nearest such weights to `x`, with scales that f16 holds exactly; zero points unlike each other where asked for. */
export function toNBits(
  x: ArrayLike<number>,
  rows: number,
  k: number,
  block: number,
  bits: 4 | 8,
  withZeros: boolean,
  roundScale: (x: number) => number,
): NBits {
  const blocks = Math.ceil(k / block);
  const data = new Uint8Array((rows * blocks * block * bits) / 8);
  const scales = new Float64Array(rows * blocks);
  const zeros = withZeros
    ? Array.from({ length: rows * blocks }, (_, i) => 6 + (i % 5))
    : undefined;
  const half = 2 ** (bits - 1);
  for (let row = 0; row < rows; row++) {
    for (let b = 0; b < blocks; b++) {
      const at = row * blocks + b;
      const zero = zeros ? zeros[at]! : half;
      let most = 0;
      for (let i = b * block; i < Math.min(k, (b + 1) * block); i++) {
        most = Math.max(most, Math.abs(x[row * k + i]!));
      }
      const scale = roundScale(most / Math.min(zero, 2 * half - 1 - zero)) || 1;
      scales[at] = scale;
      for (let i = 0; i < block && b * block + i < k; i++) {
        const exact = Math.round(x[row * k + b * block + i]! / scale) + zero;
        const q = Math.min(2 * half - 1, Math.max(0, exact));
        const place = at * block + i;
        if (bits === 8) data[place] = q;
        else data[place >> 1]! += i % 2 === 0 ? q : 16 * q;
      }
    }
  }
  return { rows, k, block, bits, data, scales, zeros };
}
