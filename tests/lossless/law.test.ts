// The law of what the GPU writes: with every tree and rule, tokens are drawn as the target alone would draw them.
// The wrong rules are planted in the kernels' own text, and must be seen.
import { describe, expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import { withGpu } from "../support/kernel-run.ts";
import {
  COMBINATIONS,
  limitFor,
  PAIR,
  plantRule,
  STAGES,
  STEEP_PAIR,
  WRONG_RULES,
} from "../support/law-cases.ts";
import { measureLaw, type LawRun } from "../support/law-run.ts";
import type { Gpu } from "../../src/gpu/index.ts";

/** Rounds per combination; a million each, with wrong rules and figures: `bench/law`. */
const ROUNDS = Number(
  process.env["COPPICE_LAW_ROUNDS"] ?? (adapterName === "swiftshader" ? 4000 : 20_000),
);
/** Enough for every wrong rule to be seen. */
const POWER_ROUNDS = 20_000;
/** Of rounds, those with the steep pair. */
const STEEP_SHARE = 0.2;
/** Two tests for each pair. */
const LIMIT = limitFor(COMBINATIONS.length * STAGES.length * 2 * 2);

async function measure(gpu: Gpu, run: Omit<LawRun, "copies">) {
  const { rounds, tokens, one, two } = await measureLaw(gpu, { copies: 250, ...run });
  return { pValue: Math.min(one.pValue, two.pValue), blockEfficiency: tokens / rounds };
}

describe.each(COMBINATIONS)("%j, %s", (tree, verify) => {
  test.each(STAGES)("%j", (stages) =>
    withGpu(async (gpu) => {
      const right = await measure(gpu, { pair: PAIR, tree, verify, stages, rounds: ROUNDS });
      expect(right.pValue).toBeGreaterThan(LIMIT);
      expect(right.blockEfficiency, "the draft is of use").toBeGreaterThan(1.3);
      const rounds = STEEP_SHARE * ROUNDS;
      const steep = await measure(gpu, { pair: STEEP_PAIR, tree, verify, stages, rounds });
      expect(steep.pValue, "the steep pair").toBeGreaterThan(LIMIT);
    }),
  );
});

test.each(WRONG_RULES)("a wrong rule is seen: $name", (rule) =>
  withGpu(async (gpu) => {
    const { tree, verify } = rule;
    const run = { pair: PAIR, tree, verify, stages: STAGES[0]!, rounds: POWER_ROUNDS };
    const wrong = await measure(gpu, { ...run, faults: plantRule(rule) });
    expect(wrong.pValue).toBeLessThan(LIMIT);
  }),
);
