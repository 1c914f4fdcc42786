// Trees small enough that every outcome can be listed, and one round over them.
import { outcomes, type Outcome } from "../reference/speculation/chance.ts";
import {
  chain,
  mostProbable,
  paths,
  rsdC,
  type DraftNode,
  type GrowTree,
} from "../reference/speculation/draft-tree.ts";
import { emittedLaw, exactLaw, largestError, type Pair } from "../reference/speculation/law.ts";
import type { VerifyRule } from "../reference/speculation/recursive.ts";
import { rsdS } from "../reference/speculation/rsd-s.ts";
import { tinyPairs } from "./tiny-pairs.ts";

export interface TreeCase {
  readonly title: string;
  readonly vocab: number;
  readonly depth: number;
  readonly grow: GrowTree;
}

export function chainCase(vocab: number, length: number): TreeCase {
  return { title: `chain ${length} of ${vocab}`, vocab, depth: length, grow: chain(length) };
}

export function branchingCase(vocab: number, list: readonly number[]): TreeCase {
  const title = `rsd-c ${list.join("-")} of ${vocab}`;
  return { title, vocab, depth: list.length, grow: rsdC(list) };
}

export function beamCase(vocab: number, width: number, depth: number): TreeCase {
  return { title: `rsd-s ${width}x${depth} of ${vocab}`, vocab, depth, grow: rsdS(width, depth) };
}

export function pathsCase(vocab: number, count: number, length: number): TreeCase {
  const title = `paths ${count}x${length} of ${vocab}`;
  return { title, vocab, depth: length, grow: paths(count, length) };
}

/** "of 3": over a vocabulary of 3 tokens. Where that is fewer than the branches, so much the better. */
export const CHAINS = [chainCase(3, 1), chainCase(4, 2), chainCase(3, 3)];
export const BRANCHINGS = [
  branchingCase(3, [4]),
  branchingCase(4, [3]),
  branchingCase(3, [2, 2]),
  branchingCase(4, [3, 1]),
  branchingCase(3, [3, 2]),
  branchingCase(3, [2, 1, 1]),
  branchingCase(3, [1, 2, 2]),
];
export const BEAMS = [
  beamCase(4, 3, 1),
  beamCase(3, 2, 2),
  beamCase(3, 3, 2),
  beamCase(3, 2, 3),
  beamCase(2, 3, 3),
];
export const PATHS = [
  pathsCase(4, 3, 1),
  pathsCase(3, 2, 2),
  pathsCase(3, 3, 2),
  pathsCase(3, 2, 3),
];
export const RANKED: TreeCase[] = [
  { title: "most probable 2-2-1 of 3", vocab: 3, depth: 3, grow: mostProbable([2, 2, 1]) },
];

const PAIRS = new Map([2, 3, 4].map((vocab) => [vocab, tinyPairs(vocab, vocab)]));

export function pairsOf({ vocab }: TreeCase): readonly [string, Pair][] {
  return PAIRS.get(vocab)!;
}

const drawn = new Map<GrowTree, Map<Pair, Outcome<DraftNode>[]>>();

/** Every tree that may be drawn. Kept, because many rules look at the same ones. */
function treesOf({ grow }: TreeCase, pair: Pair): Outcome<DraftNode>[] {
  const known = drawn.get(grow) ?? new Map<Pair, Outcome<DraftNode>[]>();
  drawn.set(grow, known);
  const trees = known.get(pair) ?? outcomes((chance) => grow(chance, pair));
  known.set(pair, trees);
  return trees;
}

/** Every outcome of one round: the tokens it emits. */
export function roundsOf(tree: TreeCase, rule: VerifyRule, pair: Pair): Outcome<number[]>[] {
  return treesOf(tree, pair).flatMap(({ value, probability }) =>
    outcomes((chance) => rule(chance, value, pair)).map((round) => ({
      value: round.value,
      probability: probability * round.probability,
    })),
  );
}

/** How far a round's law of the first `depth + 1` tokens is from plain sampling, by pair. */
export function errorsOf(tree: TreeCase, rule: VerifyRule): Record<string, number> {
  return Object.fromEntries(
    pairsOf(tree).map(([name, pair]) => {
      const length = tree.depth + 1;
      const law = emittedLaw(roundsOf(tree, rule, pair), pair.target, pair.vocab, length);
      return [name, largestError(law, exactLaw(pair.target, pair.vocab, length))];
    }),
  );
}
