// Error bounds of f32 arithmetic as WGSL promises it; docs/numerics.md has the derivations.
import type { WeightType } from "../../src/gpu/index.ts";

/** Relative error of one WGSL f32 operation: correctly rounded, but the direction is the implementation's. */
export const UNIT = 2 ** -23;

/** Absolute error that flushing subnormal numbers to zero can add to one operation. */
export const SMALLEST = 2 ** -126;

/** Relative error, against the sum of magnitudes, of `n` roundings one after another. */
export function gamma(n: number): number {
  return (n * UNIT) / (1 - n * UNIT);
}

/** Weights that a lane takes with one load, and those it is laid out with: docs/kernels.md. */
const LOADS: Readonly<Record<WeightType, readonly [load: number, group: number]>> = {
  f32: [4, 4],
  f16: [4, 4],
  q8: [16, 64],
  q4: [32, 64],
  "q8-wide": [16, 64],
  "q4-wide": [32, 64],
};

/**
 * Roundings that one term of a few-row dot product goes through: its weight, where that is rounded, its product, the
 * additions of its lane (one per weight of its loads), and one addition per level of the tree over the lanes.
 */
export function dotRoundings(k: number, lanes: number, type: WeightType = "f32"): number {
  const [load, group] = LOADS[type];
  const loads = Math.ceil((Math.ceil(k / group) * group) / load / lanes);
  return 1 + (type.endsWith("-wide") ? 1 : 0) + load * loads + Math.log2(lanes);
}

/** Relative error of 1 / sqrt(mean square + eps) as norm-dot.wgsl computes it. */
export function inverseRmsError(k: number, lanes: number, type?: WeightType): number {
  // The argument: a dot product of squares, a division (2.5 ulp) and an addition; the root halves its
  // error, inverseSqrt itself is 2 ulp.
  return (gamma(dotRoundings(k, lanes, type)) + 3.5 * UNIT) / 2 + 2 * UNIT;
}

/**
 * Allowed error of a normed dot product of value `value` whose terms' magnitudes add up to `magnitude`.
 * One rounding more per term for x * gain, one for the last product.
 */
export function normDotTolerance(
  k: number,
  lanes: number,
  value: number,
  magnitude: number,
  type?: WeightType,
): number {
  const sum = gamma(dotRoundings(k, lanes, type) + 1) * magnitude;
  return 1.001 * (sum + (inverseRmsError(k, lanes, type) + UNIT) * Math.abs(value)) + k * SMALLEST;
}

/** Relative error of exp(x). */
export function expError(x: number): number {
  return (3 + 2 * Math.abs(x)) * UNIT;
}

/** Allowed error of silu(x), where x itself may be off by `error`. */
export function siluErrors(x: number, error: number): number {
  const sigmoid = 1 / (1 + Math.exp(-x));
  // exp's error counts by the share that exp(-x) has in 1 + exp(-x); then an addition and a division.
  const own = expError(Math.min(Math.abs(x), 80)) * (1 - sigmoid) + 3.5 * UNIT;
  // silu's slope is at most 1.1; below -80 the shader's bound on exp leaves |x| e^-80 at most.
  const bound = x < -79 ? Math.abs(x) * Math.exp(-79) : 0;
  return 1.1 * error + own * Math.abs(x) * sigmoid + bound + SMALLEST;
}

/** Allowed error of gelu by tanh(x), where x itself may be off by `error`. */
export function geluErrors(x: number, error: number): number {
  // x over the sigmoid's denominator, as in silu, but of t = 2 sqrt(2 / pi) (x + 0.044715 x^3), which errs by 6 u of itself.
  const t = Math.min(Math.abs(1.5957691216057308 * (x + 0.044715 * x ** 3)), 80);
  const sigmoid = x > 0 ? 1 / (1 + Math.exp(-t)) : Math.exp(-t) / (1 + Math.exp(-t));
  const own = (expError(t) + 6 * UNIT * t) * (1 - sigmoid) + 3.5 * UNIT;
  const bound = t > 79 ? Math.abs(x) * Math.exp(-79) : 0;
  return 1.13 * error + own * Math.abs(x) * sigmoid + bound + SMALLEST;
}

/** Absolute error that softcap.wgsl adds to that of its argument. */
export function softcapError(cap: number): number {
  // The quotient x / cap errs by 2.5 u of itself, and t sech^2 t is under 1/2; the exponential by (3 + 4 t) u, which counts by
  // 2 p / (1 + p)^2: together under 4 u. Then two sums, a product and a division of numbers up to cap.
  return 1.001 * cap * (4 + 1 + 1 + 1 + 2.5 + 1) * UNIT;
}

interface AttentionCase {
  /** Per head and key: the scores, the sums of their terms' magnitudes over sqrt(headDim), the softmax. */
  readonly scores: number[][];
  readonly magnitudes: number[][];
  readonly chances: number[][];
  readonly out: ArrayLike<number>;
  readonly kv: ArrayLike<number>;
  readonly keys: readonly number[];
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly slots: number;
  /** Keys per tile of the online softmax. */
  readonly tile: number;
  /** The soft cap of the scores. Default: none. */
  readonly cap?: number | undefined;
}

/** Allowed error of one row of attention-tree, per output element. */
export function attentionTolerance(row: AttentionCase): number[] {
  const { kv, keys, heads, kvHeads, headDim, slots, tile } = row;
  const tiles = Math.ceil(keys.length / tile);
  const groups = tile / 2 ** Math.ceil(Math.log2(headDim / 4));
  // Additions of a group of lanes, over its keys of every tile, then of the groups.
  const additions = tiles * Math.ceil(tile / groups) + groups - 1;
  const valueSum = gamma(1 + additions);
  const chanceSum = gamma(additions);
  const out: number[] = [];
  for (let head = 0; head < heads; head++) {
    const { shifts, least } = weightErrors(row, head, tiles);
    const chances = row.chances[head]!;
    const kvHead = Math.floor(head / (heads / kvHeads));
    for (let i = 0; i < headDim; i++) {
      const result = row.out[head * headDim + i]!;
      let [shifted, values, largest] = [0, 0, 0];
      keys.forEach((slot, l) => {
        const value = kv[((slots + slot) * kvHeads + kvHead) * headDim + i]!;
        shifted += shifts[l]! * Math.abs(value - result);
        values += (chances[l]! + shifts[l]!) * Math.abs(value);
        largest = Math.max(largest, Math.abs(value));
      });
      const rounding = (valueSum + chanceSum) * values + 2.5 * UNIT * Math.abs(result);
      out.push((1.001 * (shifted + rounding)) / least + keys.length * SMALLEST * (1 + largest));
    }
  }
  return out;
}

/** How far each key's softmax weight may be off, relative to the top key's, and the least their sum can be. */
function weightErrors(
  { scores, magnitudes, chances, headDim, cap }: AttentionCase,
  head: number,
  tiles: number,
) {
  const row = scores[head]!;
  const highest = Math.max(...row);
  const top = row.indexOf(highest);
  const logErrors = row.map((score, l) => {
    const plain = gamma(headDim + 1) * magnitudes[head]![l]!;
    // Before a cap a score is at most the sum of its terms' magnitudes.
    const scoreError =
      cap === undefined
        ? plain + 3 * UNIT * Math.abs(score)
        : plain + 3 * UNIT * magnitudes[head]![l]! + softcapError(cap);
    // The exponents of a key's own tile and of every later rescaling add up to its distance to the highest.
    return scoreError + UNIT * (4 * (tiles + 1) + 3 * (highest - score + scoreError));
  });
  let least = 0;
  const shifts = row.map((score, l) => {
    // The top key's own error cancels between the sum of values and the sum of weights.
    const logError = l === top ? 0 : logErrors[l]! + logErrors[top]!;
    const chance = chances[head]![l]!;
    least += chance * Math.exp(-logError);
    if (logError < 1) return chance * Math.expm1(logError);
    return Math.exp(Math.min(0, score - highest + logError));
  });
  return { shifts, least };
}

/** Absolute error of log(x) where x is exact. */
export function logError(x: number): number {
  return x >= 0.5 && x <= 2 ? 2 ** -21 : 3 * UNIT * Math.abs(Math.log(x));
}

/** The interval in which `gumbel` of noise.wgsl is, given its 32 bits. */
export function gumbelRange(bits: number): readonly [number, number] {
  const u = (bits + 0.5) / 2 ** 32;
  const intervals: (readonly [number, number])[] = [];
  // Around 1/32 either formula may be taken.
  if (u < 0.0313) {
    // u: to f32, plus 1/2. The series: an addition and a product, inner terms by their share, u^5 / 6 left out.
    const relative = (2 + 2 + 0.2) * UNIT + u ** 5 / 5;
    intervals.push([-Math.log1p(-u) * (1 - relative), -Math.log1p(-u) * (1 + relative)]);
  }
  if (u > 0.0312) {
    const rest = (2 ** 32 - 1 - bits + 0.5) / 2 ** 32;
    intervals.push(negativeLogs(rest * (1 - 2 * UNIT), rest * (1 + 2 * UNIT)));
  }
  return negativeLogs(
    Math.min(...intervals.map(([low]) => low)),
    Math.max(...intervals.map(([, high]) => high)),
  );
}

/** The interval of a computed -log(x), for x in an interval. */
function negativeLogs(low: number, high: number): readonly [number, number] {
  const error = Math.max(logError(low), logError(high));
  return [-Math.log(high) - error, -Math.log(low) + error];
}

/** Errors of the shares that warp-rows adds up, over logits that lie `distances` / temperature below the largest. */
export function shareErrors(distances: readonly number[], vocab: number, lanes: number) {
  let [sum, error] = [0, 0];
  for (const distance of distances) {
    // A difference and a division before the exponential.
    const term = Math.exp(-distance);
    sum += term;
    if (term > 0) error += term * (expError(distance) + 3.5 * UNIT * distance) + SMALLEST;
  }
  const additions = Math.ceil(vocab / lanes) + Math.ceil(lanes / 16) + 16;
  return { sum, relative: 1.001 * (error / sum + gamma(additions)) };
}
