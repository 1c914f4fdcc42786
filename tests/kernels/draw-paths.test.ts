import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  drawPaths,
  drawPathsGrid,
  encodeControl,
  warpRowsLanes,
} from "../../src/kernels/index.ts";
import { type DrawPaths, perturbedColumns } from "../reference/draw-paths.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { chiSquareExcess } from "../support/chi-square.ts";
import { awkwardLogits } from "../support/stage-cases.ts";
import { SIGMAS } from "../support/statistics.ts";

interface Case extends DrawPaths {
  logProbs: Float32Array<ArrayBuffer>;
  paths: number;
  lanes?: number;
}

const STATE = { seed: 4711, base: 321 };

async function run(gpu: Gpu, one: Case, spec = drawPaths) {
  const { logProbs, vocab, paths, lanes = warpRowsLanes(vocab) } = one;
  const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: lanes } });
  const candidates = gpu.buffers.storage("candidates", paths * CANDIDATE_BYTES);
  const buffers = {
    control: gpu.buffers.upload("control", encodeControl(STATE)),
    log_probs: gpu.buffers.upload("log_probs", logProbs),
    candidates,
  };
  const params = {
    vocab,
    frontier_start: one.frontierStart,
    step: one.step,
    level_start: one.levelStart,
  };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), drawPathsGrid(paths));
  const [data] = await gpu.submitAndRead([recording], [candidates]);
  const [tokens, scores] = [new Uint32Array(data!), new Float32Array(data!)];
  return Array.from({ length: paths }, (_, j) => ({
    token: tokens[2 * j]!,
    score: scores[2 * j + 1]!,
  }));
}

/** Noise and its sum with a log-probability round; nearer than this, either column may win. */
const closeTo = (perturbed: number) => 2 ** -14 + Math.abs(perturbed) * 2 ** -21;

/** What is wrong, and how many paths were too close to call. */
function faults(actual: Awaited<ReturnType<typeof run>>, one: Case) {
  let close = 0;
  const found = actual.flatMap(({ token, score }, j) => {
    const columns = perturbedColumns(one.logProbs, one, STATE, j);
    const row = (one.frontierStart - 1 + one.step * j) * one.vocab;
    if (!Object.is(score, one.logProbs[row + token]))
      return [`path ${j}: score ${score} of token ${token}`];
    if (columns.length === 0) return [];
    const least = columns[0]!.perturbed - closeTo(columns[0]!.perturbed);
    const near = columns.filter(({ perturbed }) => perturbed >= least);
    if (near.length > 1) close += 1;
    if (near.some((column) => column.token === token)) return [];
    return [`path ${j}: token ${token}, not ${columns[0]!.token}`];
  });
  return { found, close };
}

/** Log-probabilities of any kind: rows need not add up to 1. */
const rowsOf = (vocab: number) => {
  const rows = awkwardLogits(vocab).map((row) =>
    row.map((x) => (x > -Infinity ? Math.min(x, 10) - 10 : x)),
  );
  return Float32Array.from(rows.flatMap((row) => [...row]));
};

function casesOf(vocab: number, lanes?: number): Case[] {
  const logProbs = rowsOf(vocab);
  const rows = logProbs.length / vocab;
  const size = { logProbs, vocab, ...(lanes && { lanes }) };
  return [
    { ...size, frontierStart: 1, step: 1, levelStart: 1 + rows, paths: rows },
    { ...size, frontierStart: 3, step: 1, levelStart: 40, paths: rows - 2 },
    { ...size, frontierStart: 2, step: 0, levelStart: 2, paths: 60 },
    { ...size, frontierStart: 1, step: 0, levelStart: 2, paths: 1 },
  ];
}

test("the token of the largest perturbed log-probability, with its log-probability", () =>
  withGpu(async (gpu) => {
    let [paths, close] = [0, 0];
    for (const [vocab, lanes] of [
      [2],
      [3, 5],
      [5, 64],
      [257],
      [257, 5],
      [4096],
      [32003],
    ] as const) {
      for (const one of casesOf(vocab, lanes)) {
        const result = faults(await run(gpu, one), one);
        expect(result.found, `vocab ${vocab}, ${one.paths} paths`).toEqual([]);
        paths += one.paths;
        close += result.close;
      }
    }
    expect(close / paths, "too close to call").toBeLessThan(0.01);
  }));

test("a row without a token gives one of probability 0", () =>
  withGpu(async (gpu) => {
    const logProbs = new Float32Array(9).fill(-Infinity);
    const one = { logProbs, vocab: 9, frontierStart: 1, step: 1, levelStart: 2, paths: 1 };
    expect(await run(gpu, one)).toEqual([{ token: 8, score: -Infinity }]);
  }));

const LAW = [0.4, 0.25, 0, 0.15, 0.1, 0.06, 0.04];

/** How far 60,000 draws are from `LAW`, in standard deviations of chi-square. */
async function drawExcess(gpu: Gpu, spec = drawPaths): Promise<number> {
  const logProbs = Float32Array.from(LAW, Math.log);
  const size = { logProbs, vocab: LAW.length, frontierStart: 1, step: 0, levelStart: 2 };
  const draws = await run(gpu, { ...size, paths: 60_000, lanes: 8 }, spec);
  const counts = new Map<string, number>();
  for (const { token } of draws) counts.set(`${token}`, (counts.get(`${token}`) ?? 0) + 1);
  return chiSquareExcess(counts, new Map(LAW.flatMap((p, c) => (p > 0 ? [[`${c}`, p]] : []))));
}

test("draws follow the distribution", () =>
  withGpu(async (gpu) => {
    expect(await drawExcess(gpu)).toBeLessThan(SIGMAS + 2);
  }));

/** How often a token of probability `p` is drawn, of how many times it should be: all but the first token have it. */
async function rareDraws(gpu: Gpu, p: number, spec = drawPaths) {
  const [vocab, paths] = [512, 60_000];
  const logProbs = new Float32Array(vocab).fill(Math.log(p));
  logProbs[0] = Math.log1p(-p * (vocab - 1));
  const size = { logProbs, vocab, frontierStart: 1, step: 0, levelStart: 2 };
  const draws = await run(gpu, { ...size, paths, lanes: 64 }, spec);
  const drawn = draws.filter(({ token }) => token > 0).length;
  return { drawn, expected: paths * p * (vocab - 1) };
}

test("rare tokens are as rare as they should be", () =>
  withGpu(async (gpu) => {
    const { drawn, expected } = await rareDraws(gpu, 1e-6);
    expect(Math.abs(drawn - expected)).toBeLessThan(SIGMAS * Math.sqrt(expected));
    // 0.03 expected: one is possible, two are not.
    expect((await rareDraws(gpu, 1e-9)).drawn).toBeLessThan(2);
  }));

const LAW_FAULTS: [string, string, string][] = [
  ["noise not keyed by token", "DRAFT_NOISE, place, c)", "DRAFT_NOISE, place, 0u)"],
  ["noise not keyed by node", "params.level_start + path)", "params.level_start)"],
  ["noise of the wrong sign", "-log(exponential)", "log(exponential)"],
  ["exponential noise", "return -log(exponential)", "return exponential"],
];

const FAULTS: [string, string, string][] = [
  ["the root's row", "params.frontier_start - ROOT", "params.frontier_start"],
  ["the step is ignored", "params.step * path", "path"],
  ["the last column is left out", "c < params.vocab", "c < params.vocab - 1u"],
  ["the lanes beyond 16 are left out", "best_from(lane, FAN_IN, WORKGROUP_SIZE)", "best[lane]"],
  ["NaN may be drawn", "if (magnitude > 0x7f800000u) { return 0u; }", ""],
  ["the lowest wins", "a.key > b.key", "a.key < b.key"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of LAW_FAULTS) {
      const excess = await drawExcess(gpu, plantFault(drawPaths, right, wrong));
      expect(excess, name).toBeGreaterThan(SIGMAS + 2);
    }
    const cases = [...casesOf(257), ...casesOf(5, 64)];
    for (const [name, right, wrong] of [...LAW_FAULTS, ...FAULTS]) {
      const spec = plantFault(drawPaths, right, wrong);
      const found = [];
      for (const one of cases) found.push(...faults(await run(gpu, one, spec), one).found);
      expect(found, name).not.toEqual([]);
    }
    const coarse = plantFault(drawPaths, "u < 0.03125", "u < 0.0");
    const grid = plantFault(coarse, "-log((f32(~bits) + 0.5) * 0x1p-32)", "-log(1.0 - u)");
    expect((await rareDraws(gpu, 1e-9, grid)).drawn, "1 - u in f32").toBeGreaterThan(1);
  }),
);
