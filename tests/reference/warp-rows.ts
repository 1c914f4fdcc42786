import { compareDown } from "./order.ts";

export interface Stages {
  temperature: number;
  /** 0: all */
  topK: number;
  topP: number;
  minP: number;
}

/** Moves the thresholds: that of top-p by a share of the total, that of min-p by an amount of logit. */
export interface Shift {
  share: number;
  logit: number;
}

/**
 * The lowest logit kept, Infinity where none is: top-k, then top-p of what that left, then min-p. All that reach it
 * are kept.
 */
export function lowestKept(
  row: ArrayLike<number>,
  { temperature, topK, topP, minP }: Stages,
  shift: Shift = { share: 0, logit: 0 },
): number {
  let kept = Array.from(row).filter((x) => x > -Infinity);
  kept.sort(compareDown);
  if (kept.length === 0) return Infinity;
  const top = kept[0]!;
  if (topK > 0 && topK < kept.length) kept = kept.filter((x) => x >= kept[topK - 1]!);
  if (topP < 1) {
    const shares = kept.map((x) => Math.exp((x - top) / temperature));
    const enough = (topP + shift.share) * shares.reduce((sum, share) => sum + share, 0);
    let sum = 0;
    const last = shares.findIndex((share) => (sum += share) >= enough);
    if (last >= 0) kept = kept.filter((x) => x >= kept[last]!);
  }
  const least = minP > 0 ? top + temperature * Math.log(minP) + shift.logit : -Infinity;
  return kept.findLast((x) => x >= least) ?? top;
}

/** log-probabilities of the logits that reach `lowest`, -Infinity for the others. */
export function logProbs(row: ArrayLike<number>, lowest: number, temperature: number): number[] {
  const kept = Array.from(row).filter((x) => x >= lowest);
  const top = kept.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = kept.reduce((total, x) => total + Math.exp((x - top) / temperature), 0);
  return Array.from(row, (x) =>
    x >= lowest ? (x - top) / temperature - Math.log(sum) : -Infinity,
  );
}
