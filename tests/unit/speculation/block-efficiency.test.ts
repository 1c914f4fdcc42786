// What the rules are worth, exactly: tokens per round, the recovered or bonus token included.
import { describe, expect, test } from "vitest";
import { block } from "../../reference/speculation/block.ts";
import { blockEfficiency, lengthLaw, type Pair } from "../../reference/speculation/law.ts";
import { recursive, type VerifyRule } from "../../reference/speculation/recursive.ts";
import { specinfer } from "../../reference/speculation/specinfer.ts";
import { spectr } from "../../reference/speculation/spectr.ts";
import { traversal, traversalOf } from "../../reference/speculation/traversal.ts";
import {
  BEAMS,
  BRANCHINGS,
  chainCase,
  CHAINS,
  pairsOf,
  PATHS,
  roundsOf,
  type TreeCase,
} from "../../support/speculation-cases.ts";

const ROUNDING = 1e-12;

/** By pair, how many tokens per round more the first rule emits than the second. */
function gains(tree: TreeCase, first: VerifyRule, second: VerifyRule): number[] {
  return pairsOf(tree).map(
    ([, pair]) =>
      blockEfficiency(roundsOf(tree, first, pair)) - blockEfficiency(roundsOf(tree, second, pair)),
  );
}

describe.each(CHAINS)("$title", (tree) => {
  test("traversal is block verification: the same law of accepted lengths", () => {
    for (const [name, pair] of pairsOf(tree)) {
      const [a, b] = [traversal, block].map((rule) => lengthLaw(roundsOf(tree, rule, pair)));
      expect(a, name).toHaveLength(b!.length);
      for (const [length, p] of a!.entries()) expect(p, name).toBeCloseTo(b![length]!, 12);
    }
  });

  test("every sibling rule is speculative sampling: the first token is kept with sum min(p, q)", () => {
    for (const [name, pair] of pairsOf(tree)) {
      const [p, q] = [pair.target([]), pair.draft([])];
      const overlap = p.reduce((sum, x, token) => sum + Math.min(x, q[token]!), 0);
      for (const rule of [recursive, specinfer, spectr]) {
        const [, rejected] = lengthLaw(roundsOf(tree, rule, pair));
        expect(rejected, name).toBeCloseTo(1 - overlap, 12);
      }
    }
  });
});

test.each([
  ["speculative sampling", recursive, 10 / 9],
  ["block verification", block, 11 / 9],
  ["traversal verification", traversal, 11 / 9],
])("the example of arXiv 2403.10444: %s accepts %f of 2", (_, rule, accepted) => {
  const pair: Pair = { vocab: 2, target: () => [1 / 3, 2 / 3], draft: () => [2 / 3, 1 / 3] };
  const efficiency = blockEfficiency(roundsOf(chainCase(2, 2), rule, pair));
  expect(efficiency - 1).toBeCloseTo(accepted, 12);
});

describe("traversal emits at least as much as going down from the root", () => {
  test.each([...CHAINS, ...BRANCHINGS, ...BEAMS])("$title: as recursive", (tree) => {
    expect(Math.min(...gains(tree, traversal, recursive))).toBeGreaterThan(-ROUNDING);
  });

  test.each(PATHS)("$title: as specinfer", (tree) => {
    const gain = gains(tree, traversalOf("independently"), specinfer);
    expect(Math.min(...gain)).toBeGreaterThan(-ROUNDING);
  });

  test("and sometimes more", () => {
    const deep = [...BRANCHINGS, ...BEAMS].flatMap((tree) => gains(tree, traversal, recursive));
    expect(Math.max(...deep)).toBeGreaterThan(0.01);
  });
});
