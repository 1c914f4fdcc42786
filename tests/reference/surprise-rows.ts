import { compareDown } from "./order.ts";

export interface RowFacts {
  /** Finite logits, the largest first. */
  readonly sorted: readonly number[];
  /** log of the sum of exp((z - largest) / temperature); 0 for a row without a finite logit. */
  readonly logSum: number;
  /** The least-squares exponent of p ~ rank^-zipf over the `ratios` first steps of rank; 0 where there is no step. */
  readonly zipf: number;
}

export function surpriseRow(row: ArrayLike<number>, temperature: number, ratios: number): RowFacts {
  const sorted = Array.from(row).filter((z) => z > -Infinity);
  sorted.sort(compareDown);
  const sum = sorted.reduce((total, z) => total + Math.exp((z - sorted[0]!) / temperature), 0);
  let [over, under] = [0, 0];
  for (let i = 1; i <= Math.min(ratios, sorted.length - 1); i++) {
    const t = Math.log((i + 1) / i);
    over += (t * (sorted[i - 1]! - sorted[i]!)) / temperature;
    under += t * t;
  }
  return { sorted, logSum: sum > 0 ? Math.log(sum) : 0, zipf: under > 0 ? over / under : 0 };
}
