// What the noise of warp-rows is for: the largest number of a row is a draw from what the stages leave of it.
import { expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { Recording } from "../../src/gpu/index.ts";
import {
  encodeControl,
  NOISE,
  warpParams,
  warpRows,
  warpRowsGrid,
} from "../../src/kernels/index.ts";
import { argmaxRows } from "../reference/argmax-rows.ts";
import { keptOf, logProbs, orderOf, sortedDown, type Stages } from "../reference/warp-rows.ts";
import { chiSquareExcess } from "../support/chi-square.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";

const LOGITS = Float32Array.of(2.1, 0.3, 1.9, -0.4, 1.2, -5, 0.9, -Infinity);
const TOKENS = LOGITS.length;
/** A row repeats the logits, and every repetition is a draw: that takes far fewer workgroups. */
const COPIES = 1024;
const VOCAB = TOKENS * COPIES;
const ROWS = 200;
const TEMPERATURE = Math.fround(0.8);
const MIN_P: Stages = { temperature: TEMPERATURE, topK: 0, topP: 1, minP: Math.fround(0.05) };
const TOP_P: Stages = { temperature: TEMPERATURE, topK: 0, topP: Math.fround(0.97), minP: 0 };

interface Draws {
  noise: keyof typeof NOISE;
  stages: Stages;
}

/** `[ROWS, COPIES]` draws. Every row stands at a position and a node of its own. */
async function draws(gpu: Gpu, { noise, stages }: Draws, spec = warpRows): Promise<number[]> {
  const scope = gpu.buffers;
  const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: 64 } });
  const logits = Float32Array.from({ length: ROWS * VOCAB }, (_, i) => LOGITS[i % TOKENS]!);
  const table = Array.from({ length: ROWS }, (_, r) => [2 + r, 0, 3000 + r, 0]);
  const buffers = {
    control: scope.upload("control", encodeControl({ base: 3000, seed: 5 })),
    rows: scope.upload("rows", Uint32Array.from(table.flat())),
    logits: scope.upload("logits", logits),
    log_probs: scope.storage("log_probs", 16),
  };
  const params = {
    vocab: VOCAB,
    first: 0,
    ...warpParams({ typicalP: 1, topNSigma: 0, ...stages, order: orderOf(stages) }),
    noise: NOISE[noise],
    keep: 0,
    log_row: 0,
  };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(scope, buffers, params), warpRowsGrid(ROWS));
  const [data] = await gpu.submitAndRead([recording], [buffers.logits]);
  return argmaxRows(new Float32Array(data!), TOKENS);
}

/**
 * How far the draws are from the law, in standard deviations of chi-square; so are pairs of neighbours in a row, and
 * pairs of rows that stand next to each other.
 */
function excesses(tokens: readonly number[], stages: Stages): number[] {
  const p = logProbs(LOGITS, keptOf(sortedDown(LOGITS), stages), stages.temperature).map(Math.exp);
  const law = new Map<string, number>();
  const pairLaw = new Map<string, number>();
  p.forEach((first, a) => {
    if (first > 0) law.set(`${a}`, first);
    p.forEach((second, b) => first * second > 0 && pairLaw.set(`${a} ${b}`, first * second));
  });
  const [counts, beside, below] = [1, 2, 3].map(() => new Map<string, number>());
  const add = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1);
  tokens.forEach((token, i) => {
    add(counts!, `${token}`);
    if (i % 2) add(beside!, `${tokens[i - 1]!} ${token}`);
    if (Math.floor(i / COPIES) % 2) add(below!, `${tokens[i - COPIES]!} ${token}`);
  });
  const pairs = [beside!, below!].map((map) => chiSquareExcess(map, pairLaw));
  return [chiSquareExcess(counts!, law), ...pairs];
}

/** Of chi-square with 4 degrees of freedom or more, in its standard deviations: a chance below 1e-6 to be beyond. */
const BOUND = 12;

test("the largest of a row is a draw from what the stages leave", () =>
  withGpu(async (gpu) => {
    for (const one of [
      { noise: "shared", stages: MIN_P },
      { noise: "own", stages: MIN_P },
      { noise: "shared", stages: TOP_P },
    ] as const) {
      const found = excesses(await draws(gpu, one), one.stages);
      expect(Math.max(...found), `${one.noise}: ${found.join(", ")}`).toBeLessThan(BOUND);
    }
  }));

const FAULTS: [string, string, string][] = [
  ["noise not keyed by token", "purpose, place, c)", "purpose, place, 0u)"],
  [
    "noise keyed by some of the token",
    "purpose, place, c)",
    "purpose, place, c / 8u * 8u + c % 4u)",
  ],
  ["noise not keyed by position", "row.position + 1u", "0u"],
  ["neighbours share their noise", "row.position + 1u", "row.position / 2u"],
  ["exponential noise", "return -log(exponential)", "return exponential"],
  ["uniform noise", "return -log(exponential)", "return u"],
  [
    "the temperature twice",
    "(x - top) / temperature - log_sum",
    "(x - top) / (temperature * temperature)",
  ],
  ["no min-p", "stage == MIN_P) { raise", "stage == 99u) { raise"],
  [
    "coarse noise",
    "let bits = random_bits(seed, purpose, place, token)",
    "let bits = random_bits(seed, purpose, place, token) & 0xf0000000u",
  ],
];

faultTest("laws that are wrong are told apart", () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of FAULTS) {
      const one = { noise: "shared", stages: MIN_P } as const;
      const found = excesses(await draws(gpu, one, plantFault(warpRows, right, wrong)), MIN_P);
      expect(Math.max(...found), name).toBeGreaterThan(BOUND);
    }
  }),
);
