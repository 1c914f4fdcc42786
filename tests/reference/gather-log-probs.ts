import { compareDown } from "./order.ts";

export interface LogProb {
  logProbability: number;
  top: { id: number; logProbability: number }[];
}

/** What a row says of `token`, and its `tops` most probable tokens, the lower id first on a tie. */
export function logProbOf(row: ArrayLike<number>, token: number, tops: number): LogProb {
  const logits = Array.from(row);
  const largest = logits.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = logits.reduce((added, x) => added + Math.exp(x - largest), 0);
  const logOf = (id: number): number => logits[id]! - largest - Math.log(sum);
  const order = logits.map((_, id) => id).sort((a, b) => compareDown(logits[a]!, logits[b]!));
  const top = order.slice(0, tops).map((id) => ({ id, logProbability: logOf(id) }));
  return { logProbability: logOf(token), top };
}
