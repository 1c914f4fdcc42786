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
