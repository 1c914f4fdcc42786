/** What each candidate is worth: (1 - alpha) p - alpha times its similarity; of probability 0, nothing. */
export function contrastValues(
  logProbabilities: readonly number[],
  similarities: readonly number[],
  alpha: number,
): number[] {
  return logProbabilities.map((logProbability, i) => {
    if (!(logProbability > -Infinity)) return -Infinity;
    return (1 - alpha) * Math.exp(logProbability) - alpha * similarities[i]!;
  });
}

/** The first of the best; the first of all where none is worth anything. */
export function bestOf(values: readonly number[]): number {
  return Math.max(0, values.indexOf(Math.max(...values)));
}
