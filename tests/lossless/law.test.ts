// The law of what the GPU writes: with every tree and rule, tokens are drawn as the target alone would draw them.
// The wrong rules are planted in the kernels' own text, and must be seen.
import { describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { adapterName } from "../setup/gpu.ts";
import { withGpu } from "../support/kernel-run.ts";
import {
  COMBINATIONS,
  limitFor,
  PAIR,
  plantRule,
  STAGES,
  STEEP_PAIR,
  TRIMMED_PAIR,
  WRONG_RULES,
} from "../support/law-cases.ts";
import { type LawRun, measureLaw } from "../support/law-run.ts";

/** Rounds per combination at temperature 1. `bench/law` makes a million of each, and writes down what it finds. */
const ROUNDS = Number(
  process.env["COPPICE_LAW_ROUNDS"] ?? (adapterName === "swiftshader" ? 1000 : 8000),
);
/** Top-k and top-p take four times as long, and a steep pair says less per round. */
const SHARES = { stages: 0.25, steep: 0.25, trimmed: 0.25 };
/** Enough for most wrong rules to be seen; ten times slower on SwiftShader. */
const POWER_ROUNDS = adapterName === "swiftshader" ? 1600 : 8000;
/** One test given one token and one given two, for each combination and stage, and for the other pairs. */
const LIMIT = limitFor(2 * COMBINATIONS.length * (STAGES.length + 2));

async function measure(gpu: Gpu, run: Omit<LawRun, "copies">) {
  const copies = Math.min(250, Math.ceil(run.rounds / 16));
  const { rounds, tokens, one, two } = await measureLaw(gpu, { ...run, copies });
  return { pValue: Math.min(one.pValue, two.pValue), blockEfficiency: tokens / rounds };
}

describe.each(COMBINATIONS)("%j, %s", (tree, verify) => {
  const seed = 1000 * COMBINATIONS.findIndex((one) => one[0] === tree && one[1] === verify);

  test.each(STAGES)("%j", (stages) =>
    withGpu(async (gpu) => {
      const rounds = ROUNDS * (stages.topK ? SHARES.stages : 1);
      const run = { pair: PAIR, tree, verify, stages, rounds, seed };
      const { pValue, blockEfficiency } = await measure(gpu, run);
      expect(pValue).toBeGreaterThan(LIMIT);
      expect(blockEfficiency, "the draft is of use").toBeGreaterThan(1.3);
    }),
  );

  test("tokens that are nearly certain or nearly impossible", () =>
    withGpu(async (gpu) => {
      const rounds = SHARES.steep * ROUNDS;
      const run = { pair: STEEP_PAIR, tree, verify, stages: STAGES[0]!, rounds, seed };
      expect((await measure(gpu, run)).pValue).toBeGreaterThan(LIMIT);
    }));

  test("a draft that does not know every token", () =>
    withGpu(async (gpu) => {
      const rounds = SHARES.trimmed * ROUNDS;
      const run = { pair: TRIMMED_PAIR, tree, verify, stages: STAGES[0]!, rounds, seed };
      const { pValue, blockEfficiency } = await measure(gpu, run);
      expect(pValue).toBeGreaterThan(LIMIT);
      expect(blockEfficiency, "the draft is of use").toBeGreaterThan(1.1);
    }));
});

test.each(WRONG_RULES)("a wrong rule is seen: $name", (rule) =>
  withGpu(async (gpu) => {
    const { tree, verify, pair = PAIR, rounds = POWER_ROUNDS } = rule;
    const run = { pair, tree, verify, stages: STAGES[0]!, rounds };
    const { pValue } = await measure(gpu, { ...run, faults: plantRule(rule) });
    expect(pValue).toBeLessThan(LIMIT);
  }),
);
