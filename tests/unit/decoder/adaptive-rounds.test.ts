// The loop and the chooser: which plan is followed, and what is reported of it.
import { expect, test } from "vitest";
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

  constructor(script: Choice[]) {
    super(ARMS);
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
