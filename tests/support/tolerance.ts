// Error bounds of f32 arithmetic as WGSL promises it; docs/numerics.md has the derivations.

/** Relative error of one WGSL f32 operation: correctly rounded, but the direction is the implementation's. */
export const UNIT = 2 ** -23;

/** Absolute error that flushing subnormal numbers to zero can add to one operation. */
export const SMALLEST = 2 ** -126;

/** Relative error, against the sum of magnitudes, of `n` roundings one after another. */
export function gamma(n: number): number {
  return (n * UNIT) / (1 - n * UNIT);
}

/**
 * Roundings that one term of a few-row dot product goes through: its product, the additions of its
 * lane (four per vec4), and one addition per level of the tree over the lanes.
 */
export function dotRoundings(k: number, lanes: number): number {
  return 1 + 4 * Math.ceil(k / 4 / lanes) + Math.log2(lanes);
}

/** Relative error of 1 / sqrt(mean square + eps) as norm-dot.wgsl computes it. */
export function inverseRmsError(k: number, lanes: number): number {
  // The argument: a dot product of squares, a division (2.5 ulp) and an addition; the root halves its
  // error, inverseSqrt itself is 2 ulp.
  return (gamma(dotRoundings(k, lanes)) + 3.5 * UNIT) / 2 + 2 * UNIT;
}

/**
 * Allowed error of a normed dot product of value `value` whose terms' magnitudes add up to `magnitude`.
 * One rounding more per term for x * gain, one for the last product.
 */
export function normDotTolerance(k: number, lanes: number, value: number, magnitude: number): number {
  const sum = gamma(dotRoundings(k, lanes) + 1) * magnitude;
  return 1.001 * (sum + (inverseRmsError(k, lanes) + UNIT) * Math.abs(value)) + k * SMALLEST;
}
