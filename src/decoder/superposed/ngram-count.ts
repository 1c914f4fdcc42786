/** N-grams counted in token ids: from a text that the page hands in, or from the prompt. */
import type { NgramSection } from "../../tree/superposed-steps.ts";

/** Orders run from 2 to this: a context and one token more. */
export const MOST_ORDER = 6;

/** One section per length of context, 1..`lengths`; those without an n-gram are left out. */
export function countSections(ids: readonly number[], lengths: number): NgramSection[] {
  return Array.from({ length: lengths }, (_, i) => countSection(ids, i + 1)).filter(
    ({ tokens }) => tokens.length > 0,
  );
}

/** What follows each context of `length` tokens. */
function countSection(ids: readonly number[], length: number): NgramSection {
  const count = Math.max(0, ids.length - length);
  // Where the n-grams begin, in the order of their tokens: those that share a context stand together.
  const places = Uint32Array.from({ length: count }, (_, at) => at);
  places.sort((a, b) => compare(ids, a, b, length + 1));
  const keys: number[] = [];
  const starts: number[] = [];
  const tokens: number[] = [];
  const shares: number[] = [];
  for (let first = 0; first < count;) {
    const at = places[first]!;
    keys.push(...ids.slice(at, at + length));
    starts.push(tokens.length);
    let end = first;
    while (end < count && compare(ids, at, places[end]!, length) === 0) end += 1;
    for (let from = first; from < end;) {
      const token = ids[places[from]! + length]!;
      let to = from;
      while (to < end && ids[places[to]! + length] === token) to += 1;
      tokens.push(token);
      shares.push((to - from) / (end - first));
      from = to;
    }
    first = end;
  }
  return { length, keys, starts: [...starts, tokens.length], tokens, shares };
}

/** The order of the `length` tokens from a and from b on. */
function compare(ids: readonly number[], a: number, b: number, length: number): number {
  for (let i = 0; i < length; i++) {
    const order = ids[a + i]! - ids[b + i]!;
    if (order !== 0) return order;
  }
  return 0;
}
