// Rules that take turns within a text, as under `verify: "auto"`: tokens are drawn as the target alone would draw them. What
// happens where a rejecting round starts amid noise that a tree has seen is too small an error for as few rounds:
// tests/unit/decoder/adaptive-noise.test.ts.
import { expect, test } from "vitest";
import type { Arm } from "../../src/decoder/adaptive/arms.ts";
import { treeOf } from "../../src/decoder/adaptive/arms.ts";
import { AdaptiveRounds } from "../../src/decoder/adaptive/adaptive-rounds.ts";
import { type Choice, TreeChooser } from "../../src/decoder/adaptive/tree-chooser.ts";
import { resolveSampling } from "../../src/decoder/sampling-options.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import { GpuRoundSession, planTree } from "../../src/tree/index.ts";
import { adapterName } from "../setup/gpu.ts";
import { chiSquareExcess } from "../support/chi-square.ts";
import { startSequence, treeSession, withGpu } from "../support/engine.ts";
import { followers, type Table, tableModel, transitions } from "../support/markov-pair.ts";

/** Standard deviations of the chi-square statistic: beyond 1 in 1e6 for the degrees of freedom at hand. */
const LIMIT = 6;
const ROUNDS = adapterName === "swiftshader" ? 500 : 1500;

/**
 * The target is sure, the draft is not: what is kept of its tree hangs on the noise alone, and so does which token the
 * target draws next.
 */
const TARGET: Table = Array.from({ length: 4 }, (_, last) =>
  [1.2, 0, -1, -1].map((_x, next, row) => row[(next + last) % 4]!),
);
const DRAFT: Table = TARGET.map((row) => row.map((x) => x / 4));

const ARMS: readonly Arm[] = [
  { tree: undefined },
  { tree: { nodes: 3, depth: 2, width: 2 } },
  { tree: { nodes: 2, depth: 1, width: 1 }, verify: "traversal" },
  { tree: { nodes: 5, depth: 2, width: 2 }, verify: "traversal" },
];

/** Changes the rule after every round, and so tells what the rounds' ends depend on. */
class TakingTurns extends TreeChooser {
  #turn = 0;
  constructor() {
    super(ARMS);
  }
  override choose(): Choice {
    this.#turn += 1;
    const arm = this.#turn % 2 === 1 ? 1 : 2 + (this.#turn % 4 === 0 ? 0 : 1);
    return { arm, rounds: 1, reason: "exploit" };
  }
  override observe(): void {}
}

test("rules that take turns keep the law", () =>
  withGpu(async (gpu) => {
    const { texts, shares } = await write(gpu);
    for (const share of shares) expect(share, "they do take turns").toBeGreaterThan(0.1);
    const law = transitions(TARGET, { temperature: 1 });
    for (const order of [1, 2] as const) {
      const { counts, expected } = followers(texts, law, order);
      expect(chiSquareExcess(counts, expected)).toBeLessThan(LIMIT);
      // The law of the draft would be seen, and so would that of a rule that lets too much of it pass.
      const drafted = followers(texts, transitions(DRAFT, { temperature: 1 }), order);
      expect(chiSquareExcess(drafted.counts, drafted.expected)).toBeGreaterThan(LIMIT);
    }
  }));

/** Texts of `ROUNDS` rounds in all, and the share of the rounds that followed each plan. */
async function write(gpu: Gpu): Promise<{ texts: number[][]; shares: number[] }> {
  const stages = resolveSampling("stages", { temperature: 1 });
  const plans = ARMS.flatMap((arm) => {
    const options = treeOf(arm);
    return options ? [{ ...planTree(options, 4), verify: arm.verify ?? "coupled" } as const] : [];
  });
  const session = await GpuRoundSession.create(gpu, gpu.buffers.child("rounds"), {
    target: treeSession(gpu, tableModel(gpu, TARGET)),
    rules: { stages, verify: "coupled" },
    speculation: { draft: treeSession(gpu, tableModel(gpu, DRAFT), 512), plans },
  });
  const texts: number[][] = [];
  const followed = plans.map(() => 0);
  let rounds = 0;
  for (let seed = 1; rounds < ROUNDS; seed++) {
    const text = [seed % 4, 0];
    await startSequence(session, text, seed);
    const turns = new AdaptiveRounds(new TakingTurns(), 0);
    while (text.length < 1000 && rounds < ROUNDS) {
      const choice = turns.choose();
      const outcomes = await session.next(choice);
      turns.ran(outcomes, 1);
      for (const { tokens } of outcomes) text.push(...tokens);
      rounds += outcomes.length;
      if (choice.plan !== "plain") followed[choice.plan]! += outcomes.length;
    }
    texts.push(text);
  }
  return { texts, shares: followed.map((count) => count / rounds) };
}
