// The loop and the chooser: which plan is followed, and what is reported of it.
import { expect, test } from "vitest";
import {
  type Arm,
  armsFor,
  DEFAULT_ARMS,
  depthOf,
  nodesOf,
  treeOf,
} from "../../../src/decoder/adaptive/arms.ts";
import { planTree } from "../../../src/tree/tree-plan.ts";
import { AdaptiveRounds } from "../../../src/decoder/adaptive/adaptive-rounds.ts";
import { type Choice, TreeChooser } from "../../../src/decoder/adaptive/tree-chooser.ts";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import { FakeSession, plain, round, run, step } from "./fake-session.ts";

const ARMS = [
  { tree: { nodes: 4, depth: 2, width: 2 } },
  { tree: undefined },
  { tree: { nodes: 8, depth: 4, width: 3 } },
];

/** A chooser that follows a script and writes down what it is told. */
class Scripted extends TreeChooser {
  readonly seen: [number, readonly number[], number | undefined][] = [];
  readonly #script: Choice[];
  texts = 0;

  constructor(script: Choice[], arms: readonly Arm[] = ARMS) {
    super(arms);
    this.#script = script;
  }

  override choose(): Choice {
    return this.#script.shift()!;
  }

  override observe(arm: number, group: Parameters<TreeChooser["observe"]>[1]): void {
    this.seen.push([arm, group.paths.map((path) => path.length), group.milliseconds]);
  }

  override startText(): void {
    this.texts += 1;
  }
}

const choice = (arm: number, rounds: number): Choice => ({ arm, rounds, reason: "exploit" });

test("an arm's plan is its place among those with a tree", () => {
  const chooser = new Scripted([choice(0, 1), choice(1, 5), choice(2, Infinity)]);
  const rounds = new AdaptiveRounds(chooser, 2);
  expect(chooser.texts).toBe(1);
  expect([rounds.choose(), rounds.choose(), rounds.choose()]).toEqual([
    { plan: 0, rounds: 1, confidence: 1 },
    { plan: "plain", rounds: 5, confidence: 1 },
    { plan: 1, rounds: Infinity, confidence: 1 },
  ]);
});

test("confidence follows what became of the surest child of every node that was reached", () => {
  const after = (outcome: Parameters<typeof round>[1]) => {
    const rounds = new AdaptiveRounds(new Scripted([choice(0, 1), choice(0, 1)]), 0);
    rounds.choose();
    rounds.ran([round([1, 2, 3], outcome)], 5);
    return rounds.choose().confidence;
  };
  const steps = (...ranks: number[]) => ranks.map((rank) => step(rank));
  // Two were right, and the last one had no children.
  expect(after({ steps: steps(0, 0), sureness: [0.5, 0.5, 0] })).toBeLessThan(1);
  expect(after({ steps: steps(0, 0), sureness: [0.99, 0.99, 0.9] })).toBeGreaterThan(1);
  // The second sibling was right, so the first was wrong.
  expect(after({ steps: steps(1, 1), sureness: [0.5, 0.5, 0] })).toBeGreaterThan(1);
  expect(after({ steps: steps(1, 1), sureness: [0, 0, 0] })).toBe(1);
});

test("times are told without the round trip, and the first group's not at all", () => {
  const chooser = new Scripted([choice(0, 1), choice(2, 2)]);
  const rounds = new AdaptiveRounds(chooser, 2);
  rounds.choose();
  rounds.ran([round([1, 2, 3])], 50);
  rounds.choose();
  rounds.ran([round([1]), round([1, 2])], 12);
  expect(chooser.seen).toEqual([
    [0, [2], undefined],
    [2, [0, 1], 10],
  ]);
});

test("a plain round that nobody chose says nothing about the tree that was", () => {
  const chooser = new Scripted([choice(0, 1), choice(1, 1)]);
  const rounds = new AdaptiveRounds(chooser, 0);
  rounds.choose();
  rounds.ran([plain(4)], 3);
  rounds.choose();
  rounds.ran([plain(4)], 3);
  expect(chooser.seen).toEqual([[1, [0], 3]]);
});

test("the loop follows the choice, and no further than it goes", async () => {
  const chooser = new Scripted([choice(1, 8), choice(0, 2), choice(1, 8)]);
  const session = new FakeSession([plain(1)]);
  await run(session, { chooser, roundsPerReadback: 4, maxNewTokens: 6 });
  expect(session.asked).toEqual([1, 2, 3]);
  expect(session.plans).toEqual(["plain", 0, "plain"]);
  expect(session.confidences).toEqual([1, 1, 1]);
});

test("a rejecting arm waits until the text is past the noise that a tree has seen", () => {
  const arms = [...ARMS, { tree: { nodes: 5, depth: 4, width: 1 }, verify: "traversal" }] as const;
  const chooser = new Scripted([choice(0, 1), choice(3, 4), choice(3, 4), choice(2, 1)], arms);
  const rounds = new AdaptiveRounds(chooser, 0);
  const plans: unknown[] = [];
  const go = (...outcomes: Parameters<AdaptiveRounds["ran"]>[0]) => {
    const { plan, rounds: most } = rounds.choose();
    plans.push([plan, most]);
    rounds.ran(outcomes, 5);
  };
  go(round([1, 2], { draftPasses: 5 }));
  go(plain(3), plain(4));
  go(plain(5));
  const confidence = chooser.confidence.temperature;
  go(round([6, 7], { draftPasses: 4 }));
  // What a rejecting round accepts says nothing of confidence.
  expect(chooser.confidence.temperature).toBe(confidence);
  go(round([8], { draftPasses: 4 }));
  go(round([9], { draftPasses: 4 }));
  expect(plans).toEqual([
    [0, 1],
    ["plain", 3],
    ["plain", 1],
    [2, 4],
    [2, 4],
    [1, 1],
  ]);
  // Rounds that nobody chose teach nothing.
  expect(chooser.seen.map(([arm]) => arm)).toEqual([0, 3, 3, 2]);
});

test("only a free choice with something to draw may reject", () => {
  expect(armsFor("coupled", 1)).toBe(DEFAULT_ARMS);
  expect(armsFor("auto", 0)).toBe(DEFAULT_ARMS);
  const all = armsFor("auto", 0.7);
  expect(all.filter(({ verify }) => verify === "traversal").length).toBeGreaterThan(1);
  for (const arm of all) {
    const options = treeOf(arm);
    if (options === undefined) continue;
    // The size that costs are told by is the size that is run.
    const { nodes, levels } = planTree(options, 1000);
    expect([nodes, levels.length]).toEqual([nodesOf(arm), depthOf(arm)]);
  }
});

test("auto is an option of its own, for the coupled rule", () => {
  for (const tree of ["auto", { kind: "auto" }]) {
    const { decoder } = resolveGenerateOptions(
      { decoder: { kind: "speculative", tree } },
      { hasDraft: true, vocabSize: 300 },
    );
    expect(decoder.speculation).toEqual({ tree: { kind: "auto" }, verify: "coupled" });
    const rejecting = { decoder: { kind: "speculative", tree, verify: "traversal" } };
    expect(() => resolveGenerateOptions(rejecting, { hasDraft: true, vocabSize: 300 })).toThrow(
      "does not keep",
    );
  }
});
