/** A block of weights: each is nearly `scale * (quant - zero)`. */
export interface QuantisedBlock {
  readonly scale: number;
  readonly zero: number;
  readonly quants: number[];
}

const BLOCK = 32;

/** Rows `[rows, k]` in blocks of 32 along k, 8 or 4 bits each. Subnormal f32 numbers count as 0. */
export function quantiseRows(
  values: ArrayLike<number>,
  k: number,
  bits: 8 | 4,
): QuantisedBlock[][] {
  return Array.from({ length: values.length / k }, (_, row) =>
    Array.from({ length: Math.ceil(k / BLOCK) }, (__, b) => {
      const [from, to] = [b * BLOCK, Math.min(k, (b + 1) * BLOCK)];
      const own = Array.from({ length: to - from }, (___, i) => values[row * k + from + i]!);
      return bits === 8 ? quantise8(own.map(flush)) : quantise4(own.map(flush));
    }),
  );
}

function flush(x: number): number {
  return Math.abs(x) < 2 ** -126 ? 0 : x;
}

function quantise8(values: readonly number[]): QuantisedBlock {
  const scale = f16AtLeast(Math.max(...values.map(Math.abs)) / 127);
  const quants = values.map((x) => (scale === 0 ? 0 : roundToEven(x / scale)));
  return { scale, zero: 0, quants };
}

/** The first of the largest weights becomes -8 exactly, or nearly. */
function quantise4(values: readonly number[]): QuantisedBlock {
  const most = Math.max(...values.map(Math.abs));
  const largest = values.find((x) => Math.abs(x) === most)!;
  const scale = -Math.sign(largest) * f16AtLeast(most / 8);
  const quants = values.map((x) => (scale === 0 ? 8 : Math.min(7, roundToEven(x / scale)) + 8));
  return { scale, zero: 8, quants };
}

/** The smallest f16 that is no less than x >= 0. */
function f16AtLeast(x: number): number {
  if (x === 0) return 0;
  const exponent = Math.max(-14, Math.floor(Math.log2(x)));
  const unit = 2 ** (exponent - 10);
  return Math.ceil(x / unit) * unit;
}

function roundToEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  return floor + (rest > 0.5 || (rest === 0.5 && floor % 2 !== 0) ? 1 : 0);
}
