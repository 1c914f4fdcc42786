// Every tree with every rule that is lossless on it, by listing every outcome of a round in f64: the joint law
// of the first tokens is the target's own. No GPU and nothing from src/: this says that the algorithms are
// right, so that the kernels need only be equal to them.
import { describe, expect, test } from "vitest";
import { block } from "../../reference/speculation/block.ts";
import { match } from "../../reference/speculation/match.ts";
import { recursive, type VerifyRule } from "../../reference/speculation/recursive.ts";
import { specinfer, specinferIn } from "../../reference/speculation/specinfer.ts";
import { spectr } from "../../reference/speculation/spectr.ts";
import { traversal, traversalOf } from "../../reference/speculation/traversal.ts";
import {
  BEAMS,
  BRANCHINGS,
  CHAINS,
  errorsOf,
  PATHS,
  RANKED,
  type TreeCase,
} from "../../support/speculation-cases.ts";

/** A few hundred roundings of numbers below 1, with room to spare; the mildest wrong rule is off by 1e9 times that. */
const ROUNDING = 1e-12;

const WITHOUT_REPLACEMENT: [string, VerifyRule][] = [
  ["recursive", recursive],
  ["traversal", traversal],
  ["match", match],
];
const INDEPENDENT: [string, VerifyRule][] = [
  ["spectr", spectr],
  ["specinfer", specinfer],
  ["specinfer in random order", specinferIn("random")],
  ["traversal of independent draws", traversalOf("independently")],
  ["match", match],
];
// One draw is both.
const ON_CHAINS = [...WITHOUT_REPLACEMENT, ...INDEPENDENT.slice(0, -1), ["block", block] as const];

const LAWFUL: [string, readonly TreeCase[], readonly (readonly [string, VerifyRule])[]][] = [
  ["chains", CHAINS, ON_CHAINS],
  ["trees drawn without replacement, node by node", BRANCHINGS, WITHOUT_REPLACEMENT],
  ["trees drawn without replacement, beam by beam", BEAMS, WITHOUT_REPLACEMENT],
  ["independent paths", PATHS, INDEPENDENT],
  ["trees that were not drawn", RANKED, [["match", match]]],
];

describe.each(LAWFUL)("%s", (_, trees, rules) => {
  describe.each(rules)("%s is lossless", (_, rule) => {
    test.each(trees)("$title", (tree) => {
      const errors = Object.entries(errorsOf(tree, rule));
      // Written so that NaN fails.
      expect(errors.filter(([, error]) => !(error <= ROUNDING))).toEqual([]);
    });
  });
});
