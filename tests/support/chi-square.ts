// Pearson's test of counts against a law.

/** Cells expected less often are pooled: the statistic's distribution is only known for well-filled ones. */
const FILLED = 10;

/**
 * How many standard deviations the chi-square statistic is above its mean. Counts from the law itself give a few at the
 * very most; keys that the law does not have give infinity.
 */
export function chiSquareExcess(
  counts: ReadonlyMap<string, number>,
  law: ReadonlyMap<string, number>,
): number {
  if ([...counts.keys()].some((key) => !law.get(key))) return Infinity;
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const cells = [...law].map(([key, p]) => ({ expected: p * total, count: counts.get(key) ?? 0 }));
  const pool = { expected: 0, count: 0 };
  for (const { expected, count } of cells.filter((cell) => cell.expected < FILLED)) {
    pool.expected += expected;
    pool.count += count;
  }
  const filled = cells.filter((cell) => cell.expected >= FILLED);
  if (pool.expected >= FILLED) filled.push(pool);
  const statistic = filled.reduce(
    (sum, { expected, count }) => sum + (count - expected) ** 2 / expected,
    0,
  );
  const freedom = filled.length - 1;
  return (statistic - freedom) / Math.sqrt(2 * freedom);
}

export interface ChiSquare {
  readonly statistic: number;
  readonly freedom: number;
  /** The chance of a statistic this large or larger. */
  readonly pValue: number;
}

/** Counts, and the law that each of them is drawn from, given the row it is in. */
export interface LawRow {
  readonly counts: ArrayLike<number>;
  readonly law: readonly number[];
}

/**
 * Pearson's test of transitions: with the number of counts in a row given, each row has one degree of freedom less than cells.
 * A count that the law does not have gives an infinite statistic.
 */
export function chiSquareOfRows(rows: readonly LawRow[]): ChiSquare {
  let [statistic, freedom] = [0, 0];
  for (const { counts, law } of rows) {
    const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
    const cells = law
      .map((p, i) => ({ expected: p * total, count: counts[i]! }))
      .sort((a, b) => b.expected - a.expected);
    if (cells.some(({ expected, count }) => expected === 0 && count > 0)) statistic = Infinity;
    // The rarest are put together, and with the next rarest if they are too few still.
    while (cells.length > 1 && cells.at(-1)!.expected < FILLED) {
      const { expected, count } = cells.pop()!;
      cells[cells.length - 1]!.expected += expected;
      cells[cells.length - 1]!.count += count;
    }
    if (cells.length < 2) continue;
    for (const { expected, count } of cells) statistic += (count - expected) ** 2 / expected;
    freedom += cells.length - 1;
  }
  return { statistic, freedom, pValue: chiSquareTail(statistic, freedom) };
}

/** The chance that a chi-square variable exceeds `statistic`: Q(freedom / 2, statistic / 2), the upper incomplete gamma function. */
export function chiSquareTail(statistic: number, freedom: number): number {
  const [a, x] = [freedom / 2, statistic / 2];
  if (x === Infinity) return 0;
  if (x <= 0) return 1;
  const front = Math.exp(a * Math.log(x) - x - logGamma(a));
  if (x < a + 1) {
    // P(a, x) = front / a * (1 + x / (a + 1) + x^2 / ((a + 1) (a + 2)) + ...)
    let [term, sum] = [1, 1];
    for (let n = 1; term > sum * 1e-17; n++) sum += term *= x / (a + n);
    return 1 - (front / a) * sum;
  }
  // Q(a, x) = front / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - ...))), from the far end.
  let fraction = 0;
  for (let n = 2000; n >= 1; n--) fraction = (n * (n - a)) / (x + 2 * n + 1 - a - fraction);
  return front / (x + 1 - a - fraction);
}

/** log of the gamma function for x > 0: Stirling's series, after a shift to where it is exact to f64. */
function logGamma(x: number): number {
  let [shift, y] = [0, x];
  for (; y < 20; y++) shift += Math.log(y);
  const r = 1 / (y * y);
  const series = (1 / 12 - r * (1 / 360 - r * (1 / 1260 - r / 1680))) / y;
  return (y - 0.5) * Math.log(y) - y + 0.5 * Math.log(2 * Math.PI) + series - shift;
}

/**
 * The effect size w = sqrt(sum of (share - p)^2 / p) that `count` counts show with probability 99.9 % at level `alpha`: the
 * statistic's noncentrality is count w^2. A law whose total variation from the right one is t has w of at least 2 t.
 */
export function visibleEffect(count: number, freedom: number, alpha: number): number {
  const limit = bisect(0, 1e4, (x) => chiSquareTail(x, freedom) < alpha);
  const noncentrality = bisect(0, 1e4, (x) => noncentralTail(limit, freedom, x) > 0.999);
  return Math.sqrt(noncentrality / count);
}

/** A noncentral chi-square is a central one with 2 j degrees of freedom more, j Poisson of mean noncentrality / 2. */
function noncentralTail(statistic: number, freedom: number, noncentrality: number): number {
  const mean = noncentrality / 2;
  const spread = 10 * Math.sqrt(mean) + 10;
  let sum = 0;
  for (let j = Math.max(0, Math.floor(mean - spread)); j <= mean + spread; j++) {
    const weight =
      mean === 0 ? Number(j === 0) : Math.exp(j * Math.log(mean) - mean - logGamma(j + 1));
    sum += weight * chiSquareTail(statistic, freedom + 2 * j);
  }
  return sum;
}

/** The least x from which on `holds`, to nine digits. */
function bisect(low: number, high: number, holds: (x: number) => boolean): number {
  for (let i = 0; i < 60; i++) {
    const middle = (low + high) / 2;
    if (holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}
