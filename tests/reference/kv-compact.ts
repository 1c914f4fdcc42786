export interface Compaction {
  base: number;
  path: readonly number[];
  origins: readonly number[];
  lag: number;
}

/** The slots of a cache after a round, as a list: all rows are read before any is written. */
export function kvCompact<Row>(slots: readonly Row[], round: Compaction): Row[] {
  const { base, path, origins, lag } = round;
  const after = [...slots];
  for (let j = 1; j < path.length - lag; j++) {
    const node = lag === 0 ? path[j]! : origins[path[j]!]!;
    after[base + j] = slots[base - lag + node]!;
  }
  return after;
}
