/** A row of logits, and what is asked of it whatever the decoder. NaN and -Infinity are never chosen. */
import type { TokenLogProb } from "../../tree/rounds.ts";

export type Row = Float32Array;

/** The largest number's index, the lowest on a tie; 0 in a row without a finite number. */
export function argmax(row: ArrayLike<number>): number {
  let best = -Infinity;
  let at = 0;
  for (let id = 0; id < row.length; id++) {
    if (row[id]! > best) {
      best = row[id]!;
      at = id;
    }
  }
  return at;
}

/** log sum exp of what is above -Infinity; -Infinity where nothing is. */
export function logSum(row: ArrayLike<number>, temperature = 1): number {
  const top = row[argmax(row)]!;
  if (!(top > -Infinity)) return -Infinity;
  let sum = 0;
  for (let id = 0; id < row.length; id++) {
    const x = row[id]!;
    if (x > -Infinity) sum += Math.exp((x - top) / temperature);
  }
  return top / temperature + Math.log(sum);
}

/** The ids of the `count` largest numbers, the lower id first on a tie; without those that are -Infinity. */
export function largest(row: ArrayLike<number>, count: number): number[] {
  const ids: number[] = [];
  for (let id = 0; id < row.length; id++) {
    const x = row[id]!;
    if (!(x > -Infinity) || (ids.length === count && !(x > row[ids.at(-1)!]!))) continue;
    let place = ids.length;
    while (place > 0 && row[ids[place - 1]!]! < x) place -= 1;
    ids.splice(place, 0, id);
    if (ids.length > count) ids.pop();
  }
  return ids;
}

/** What the model itself says of a token and of the `tops` most probable ones in its place. */
export function logProbOf(row: Row, id: number, tops: number): TokenLogProb {
  const sum = logSum(row);
  const of = (one: number): number => Math.min(row[one]! - sum, 0);
  const top = largest(row, tops).map((one) => ({ id: one, logProbability: of(one) }));
  return { logProbability: of(id), top };
}
