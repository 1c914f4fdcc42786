// Pairs of a target and a draft over a few tokens, small enough that every outcome of a round can be listed.
// The laws after each path are its own.
import { textIndex, type Pair } from "../reference/speculation/law.ts";
import { uniforms } from "./random.ts";

type Law = readonly number[];
type Rows = (next: () => number, vocab: number) => { p: Law; q: Law };

/** How the two laws after a path may relate. */
const RELATIONS: Record<string, Rows> = {
  dense: (next, vocab) => ({ p: randomLaw(next, vocab), q: randomLaw(next, vocab) }),
  near: (next, vocab) => {
    const p = randomLaw(next, vocab);
    const other = randomLaw(next, vocab);
    return { p, q: p.map((x, token) => 0.8 * x + 0.2 * other[token]!) };
  },
  equal: (next, vocab) => {
    const p = randomLaw(next, vocab);
    return { p, q: p };
  },
  "zeros in the draft": (next, vocab) => ({
    p: randomLaw(next, vocab),
    q: randomLaw(next, vocab, 1),
  }),
  "zeros in the target": (next, vocab) => ({
    p: randomLaw(next, vocab, 1),
    q: randomLaw(next, vocab),
  }),
  "one-hot target": (next, vocab) => ({
    p: randomLaw(next, vocab, vocab - 1),
    q: randomLaw(next, vocab),
  }),
  "one-hot draft": (next, vocab) => ({
    p: randomLaw(next, vocab),
    q: randomLaw(next, vocab, vocab - 1),
  }),
  "nothing in common": (next, vocab) => {
    const q = randomLaw(next, vocab, Math.floor(vocab / 2));
    const p = randomLaw(next, vocab).map((x, token) => (q[token]! > 0 ? 0 : x));
    return { p: normalised(p), q };
  },
};

/** One pair per relation, and one in which every path has a relation of its own. */
export function tinyPairs(vocab: number, seed: number): [string, Pair][] {
  const all = Object.values(RELATIONS);
  const mixed: Rows = (next, size) => all[Math.floor(next() * all.length)]!(next, size);
  const named = [...Object.entries(RELATIONS), ["mixed", mixed] as const];
  return named.map(([name, rows], i) => [name, tinyPair(vocab, 100 * seed + i, rows)]);
}

function tinyPair(vocab: number, seed: number, rows: Rows): Pair {
  const known = new Map<number, { p: Law; q: Law }>();
  const after = (path: readonly number[]) => {
    // A 1 in front, so that paths of different lengths have different indices.
    const index = textIndex([1, ...path], vocab);
    const row = known.get(index) ?? rows(uniforms(1000 * seed + index), vocab);
    known.set(index, row);
    return row;
  };
  return { vocab, target: (path) => after(path).p, draft: (path) => after(path).q };
}

/** Uniform over the simplex of `vocab - zeros` random tokens, with none so rare that its errors could hide. */
function randomLaw(next: () => number, vocab: number, zeros = 0): Law {
  const weights = Array.from({ length: vocab }, () => 0.05 - Math.log(1 - next()));
  const order = weights.map((_, token) => ({ token, key: next() })).sort((a, b) => a.key - b.key);
  for (const { token } of order.slice(0, zeros)) weights[token] = 0;
  return normalised(weights);
}

function normalised(weights: readonly number[]): Law {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}
