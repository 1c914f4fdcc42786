// The law of what the GPU writes: with every tree and rule, tokens are drawn as the target alone would draw them.
// The wrong rules are planted in the kernels' own text, and must be seen.
import { describe, expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import type { SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import { verifyRecursive } from "../../src/kernels/index.ts";
import type { Gpu, KernelSpec } from "../../src/gpu/index.ts";
import { chiSquareExcess } from "../support/chi-square.ts";
import {
  type LawRun,
  markovPair,
  transitions,
  followers,
  writeTexts,
} from "../support/markov-pair.ts";

/**
 * Rounds per combination, fewer on SwiftShader, where a round takes three times as long;
 * `COPPICE_LAW_ROUNDS=1000000` is the full test, which takes hours on a software adapter.
 */
const ROUNDS = Number(
  process.env["COPPICE_LAW_ROUNDS"] ?? (adapterName === "swiftshader" ? 150 : 600),
);
/** Enough that every wrong rule is beyond the limit that the right ones stay below. */
const POWER_ROUNDS = Math.max(ROUNDS, 1200);
/** Standard deviations of the chi-square statistic: beyond 1 in 1e6 for the degrees of freedom at hand. */
const LIMIT = 6;

const branching: TreeOptions = { kind: "rsd-c", branching: [2, 2] };
const beam: TreeOptions = { kind: "rsd-s", width: 3, depth: 2 };
const chain: TreeOptions = { kind: "chain", length: 3 };
const paths: TreeOptions = { kind: "paths", count: 3, length: 2 };

const COMBINATIONS: [TreeOptions, VerifyRule][] = [
  [chain, "coupled"],
  [{ kind: "best-first", nodes: 6, depth: 2, width: 3 }, "coupled"],
  [chain, "recursive"],
  [branching, "recursive"],
  [beam, "recursive"],
  [branching, "traversal"],
  [beam, "traversal"],
  [chain, "block"],
  [paths, "spectr"],
  [paths, "specinfer"],
  [chain, "spectr"],
];
const STAGES: SamplingStages[] = [{ temperature: 1 }, { temperature: 0.7, topK: 3, topP: 0.95 }];

const PAIR = markovPair(5, 5);

/** How far the chi-square statistic is above its mean, in standard deviations. */
async function excess(gpu: Gpu, run: LawRun) {
  const { texts, blockEfficiency } = await writeTexts(gpu, PAIR, run);
  const law = transitions(PAIR.target, run.stages);
  const [one, two] = ([1, 2] as const).map((order) => {
    const { counts, expected } = followers(texts, law, order);
    return chiSquareExcess(counts, expected);
  });
  return { excess: Math.max(one!, two!), blockEfficiency };
}

describe.each(COMBINATIONS)("%j, %s", (tree, verify) => {
  test.each(STAGES)("%j", (stages) =>
    withGpu(async (gpu) => {
      const run = { tree, verify, stages, rounds: ROUNDS };
      const { excess: above, blockEfficiency } = await excess(gpu, run);
      expect(above).toBeLessThan(LIMIT);
      expect(blockEfficiency, "the draft is of use").toBeGreaterThan(1.3);
    }),
  );
});

/** Runs `body` with another kernel in the place of the one of that name. */
async function withKernel<T>(gpu: Gpu, faulty: KernelSpec, name: string, body: () => Promise<T>) {
  const { kernels } = gpu;
  const compile = kernels.compile.bind(kernels);
  const swap = ((spec, variant) =>
    compile(spec.name === name ? (faulty as typeof spec) : spec, variant)) as typeof compile;
  kernels.compile = swap;
  try {
    return await body();
  } finally {
    kernels.compile = compile;
  }
}

const NEXT_CHILD = `  for (var i = tried + 1u; i < params.nodes; i += 1u) {
    if (tree.parent[i] == node) { return i; }
  }
  return NO_CHILD;`;

/** Two children, the one that the draft finds likelier first. A tried child's share is 0 by then. */
const LIKELIER_FIRST = `  var found = NO_CHILD;
  var most = NEGATIVE_INFINITY_KEY;
  for (var i = node + 1u; i < params.nodes; i += 1u) {
    if (tree.parent[i] != node || i == tried) { continue; }
    let key = order_key(draft_rows[node * params.vocab + tree.token[i]]);
    if (key > most && !(tried != node && key <= 0x80000000u)) { found = i; most = key; }
  }
  return found;`;

/** Children are dropped for being unlikely: their absence then says what they were. */
const PRUNED = NEXT_CHILD.replace(
  "if (tree.parent[i] == node) { return i; }",
  "if (tree.parent[i] == node && (tried != node || draft_rows[node * params.vocab + tree.token[i]] > -1.4)) { return i; }",
);

const WRONG: [string, TreeOptions, string, string][] = [
  ["siblings visited by probability", branching, NEXT_CHILD, LIKELIER_FIRST],
  ["children pruned by their own probability", branching, NEXT_CHILD, PRUNED],
  ["q is not renormalised", branching, "return x / masses.y;", "return x;"],
  ["the residual is not updated", branching, "max(r - q, r * KEPT)", "r"],
];

test.each(WRONG)("a wrong rule is seen: %s", (_, tree, right, wrong) =>
  withGpu(async (gpu) => {
    const faulty = plantFault(verifyRecursive, right, wrong);
    const run = {
      tree,
      verify: "recursive",
      stages: { temperature: 1 },
      rounds: POWER_ROUNDS,
    } as const;
    const seen = await withKernel(gpu, faulty, verifyRecursive.name, () => excess(gpu, run));
    expect(seen.excess).toBeGreaterThan(LIMIT);
  }),
);
