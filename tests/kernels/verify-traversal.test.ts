import { expect, test } from "vitest";
import { verifyTraversal } from "../../src/kernels/index.ts";
import { verifyBlock, verifyTraversal as reference } from "../reference/verify-traversal.ts";
import { verifyRecursive } from "../reference/verify-recursive.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { distinctCases, withoutTokens } from "../support/rejection-cases.ts";
import { compareRounds, endRounds } from "../support/rejection-runs.ts";
import { faultTest, showsIn } from "../support/slow-adapters.ts";
import { branchingParents, SHAPES } from "../support/token-trees.ts";

const verdictsOf = (cases: Readonly<ReturnType<typeof distinctCases>>) =>
  cases.map((one) => reference(one));

test("drawn trees: the path, the tokens, and whether the last one is a bonus", () =>
  withGpu(async (gpu) => {
    const cases = distinctCases(Object.values(SHAPES), [2, 3, 5, 64, 257]);
    const verdicts = verdictsOf(cases);
    const found = await compareRounds(gpu, verifyTraversal, cases, verdicts);
    expect(found).toMatchObject({ wrong: [], impossible: [] });
    expect(found.doubtful).toBeLessThan(0.03);
    // The cases must reach both endings and long paths, or they prove little.
    expect(new Set(verdicts.map(({ leaf }) => leaf)).size).toBe(2);
    expect(Math.max(...verdicts.map(({ path }) => path.length))).toBeGreaterThan(8);
  }));

test("4096 tokens on 256 lanes", () =>
  withGpu(async (gpu) => {
    const cases = distinctCases([SHAPES["branching 3-1-2-1-1"]!], [4096]);
    const lanes = { lanes: 256 };
    const found = await compareRounds(gpu, verifyTraversal, cases, verdictsOf(cases), lanes);
    expect(found).toMatchObject({ wrong: [], impossible: [] });
    expect(found.doubtful).toBeLessThan(0.15);
  }));

/** Trees that break the rule's contract: siblings repeat, and neither model would draw them. */
const anyTrees = () => distinctCases(Object.values(SHAPES), [2, 3, 5, 64], { tokens: "any" });

test("trees that nobody drew: no token that the target excludes", () =>
  withGpu(async (gpu) => {
    const cases = anyTrees();
    const found = await compareRounds(gpu, verifyTraversal, cases, verdictsOf(cases));
    expect(found).toMatchObject({ wrong: [], impossible: [] });
    // More than of drawn trees: where everything is rejected, rounding is what is left.
    expect(found.doubtful).toBeLessThan(0.12);
  }));

test("rows without a token end the round with some token of the vocabulary", () =>
  withGpu(async (gpu) => {
    const cases = anyTrees().map(withoutTokens);
    const ended = await endRounds(gpu, verifyTraversal, cases);
    const last = ended.map(({ tokens }) => tokens.at(-1)!);
    expect(last.filter((token, i) => !(token < cases[i]!.vocab))).toEqual([]);
  }));

test("after the end of the text nothing changes", () =>
  withGpu(async (gpu) => {
    const cases = distinctCases([SHAPES["branching 2-2-2-2"]!], [5]);
    const ended = await endRounds(gpu, verifyTraversal, cases, { done: 1 });
    for (const [i, { control, tokens }] of ended.entries()) {
      const { base, round } = cases[i]!;
      expect(control).toMatchObject({ base, round, pending: 3, previous: 5, accepted: 0 });
      expect(tokens).toEqual([]);
    }
  }));

test("on a chain it is block verification", () =>
  withGpu(async (gpu) => {
    const shapes = [1, 2, 3, 7].map((length) => branchingParents(Array.from({ length }, () => 1)));
    const drawn = distinctCases(shapes, [2, 5, 64], { times: 3 });
    const cases = drawn.filter((one) => !reference(one).doubtful);
    const blocks = cases.map((one) => verifyBlock(one));
    const found = await compareRounds(gpu, verifyTraversal, cases, blocks);
    expect(found).toMatchObject({ wrong: [], impossible: [] });
    expect(cases.length / drawn.length).toBeGreaterThan(0.97);
    // Token by token, some of them would have ended sooner.
    const shorter = cases.filter((one, i) => {
      return verifyRecursive(one).path.length < blocks[i]!.path.length;
    });
    expect(shorter.length).toBeGreaterThan(5);
  }));

const FAULTS: [string, string, string][] = [
  ["the draft is not renormalised", "return x / entered[node].masses.y;", "return x;"],
  ["the residual is not renormalised", "return x / entered[node].masses.x;", "return x;"],
  ["no residual", "max(r - q, r * KEPT)", "r"],
  [
    "the residual of a single token",
    "let share = entered[node].share;\n  var own",
    "let share = 1.0;\n  var own",
  ],
  ["the draft keeps the rejected token", "left = vec2(0.0);", "left.x = 0.0;"],
  ["a child is judged alone", "let claim = share * target_share", "let claim = target_share"],
  ["the share is the mass", "left.x / (left.x + (1.0 - (*own).share))", "left.x"],
  ["the first sibling's token", "tree.token[child];", "tree.token[next_child(node, node)];"],
  ["one number for all nodes", "acceptance_number(node) <", "acceptance_number(0u) <"],
  ["not strict", "acceptance_number(node) <", "0.0 * acceptance_number(node) <="],
];

const faultCases = (() => {
  const shapes = [SHAPES["branching 3-1-2-1-1"]!, branchingParents([6])];
  const relations = ["unlike", "some excluded"] as const;
  return [
    ...distinctCases(shapes, [5, 64], { relations, times: 20 }),
    ...distinctCases(shapes, [5], { tokens: "any", times: 6 }),
  ];
})();

// A test each: a software adapter takes seconds to compile one.
faultTest.each(FAULTS)("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const spec = plantFault(verifyTraversal, right, wrong);
    const isSeen = await showsIn(faultCases, async (some) => {
      const found = await compareRounds(gpu, spec, some, verdictsOf(some));
      return found.wrong.length > 0;
    });
    expect(isSeen).toBe(true);
  }),
);
