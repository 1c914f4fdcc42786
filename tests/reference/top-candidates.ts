import { compareDown } from "./order.ts";

export interface ReferenceCandidate {
  token: number;
  score: number;
}

/** Each row's `k` largest logits with the log-probabilities of `sharpness` times them, best first, lower ids first on a tie. */
export function topCandidates(
  logits: ArrayLike<number>,
  vocab: number,
  k: number,
  sharpness = 1,
): ReferenceCandidate[][] {
  return Array.from({ length: logits.length / vocab }, (_, r) => {
    const row = Array.from({ length: vocab }, (__, c) => logits[r * vocab + c]!);
    const largest = row.reduce((a, b) => Math.max(a, b));
    const sum = row.reduce(
      (total, x) => total + (x === -Infinity ? 0 : Math.exp(sharpness * (x - largest))),
      0,
    );
    const order = row.map((_x, c) => c).sort((a, b) => compareDown(row[a]!, row[b]!) || a - b);
    return order.slice(0, k).map((token) => {
      const x = row[token]!;
      return { token, score: x === -Infinity ? x : sharpness * (x - largest) - Math.log(sum) };
    });
  });
}
