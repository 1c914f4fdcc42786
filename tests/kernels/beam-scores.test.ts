import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  beamScores,
  beamScoresGrid,
  encodeControl,
  type TreeStatics,
} from "../../src/kernels/index.ts";
import { beamScores as reference, truncatedBelow } from "../reference/beam-scores.ts";
import {
  type BeamCase as Case,
  manyCases,
  nearlyTied,
  scoreRange,
  STATE,
} from "../support/beam-cases.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { toBytes } from "../support/token-trees.ts";

const STATICS: TreeStatics = { NODES: 128, LEVELS: 16 };
const EXCLUDED = Math.fround(-3e38);

async function run(gpu: Gpu, cases: readonly Case[], spec = beamScores) {
  const scope = gpu.buffers;
  const pipeline = gpu.kernels.compile(spec, { statics: STATICS });
  const control = scope.upload("control", encodeControl(STATE));
  const recording = new Recording();
  const slices = cases.map((one) => {
    const candidates = scope.upload(
      "candidates",
      Uint32Array.from(one.tokens.flatMap((token) => [token, 0])),
    );
    const buffers = {
      control,
      tree: scope.upload("tree", toBytes(one.tree, STATICS)),
      log_probs: scope.upload("log_probs", one.logProbs),
      candidates,
    };
    const params = {
      vocab: one.vocab,
      frontier_start: one.frontierStart,
      frontier_count: one.frontierCount,
      k: one.k,
      shared_noise: one.shared ? 1 : 0,
    };
    recording.dispatch(pipeline.bind(scope, buffers, params), beamScoresGrid(one.frontierCount));
    return candidates;
  });
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ tokens }, i) => ({
    tokens: [...new Uint32Array(data[i]!)].filter((_, at) => at % 2 === 0).slice(0, tokens.length),
    scores: [...new Float32Array(data[i]!)].filter((_, at) => at % 2 === 1).slice(0, tokens.length),
  }));
}

function faults(actual: { tokens: number[]; scores: number[] }, one: Case): string[] {
  const found: string[] = [];
  if (actual.tokens.some((token, i) => token !== one.tokens[i])) found.push("tokens changed");
  for (let f = 0; f < one.frontierCount; f++) {
    const row = reference(one.tree, one.logProbs, one.tokens, one, STATE, f);
    row.forEach((wanted, j) => {
      const got = actual.scores[f * one.k + j]!;
      const where = `row ${f}, place ${j}: ${got}`;
      if (j > 0 && !(got <= actual.scores[f * one.k + j - 1]!)) found.push(`${where} rises`);
      if (wanted.excluded) {
        if (got !== EXCLUDED) found.push(`${where}, not excluded`);
      } else if (j === 0) {
        if (got !== 0) found.push(`${where}, not the parent's own`);
      } else {
        const [low, high] = scoreRange(one, f, j, wanted);
        if (!(got >= low && got <= high)) found.push(`${where}, not in ${low} to ${high}`);
      }
    });
  }
  return found;
}

test("truncated Gumbels, in every shape", () =>
  withGpu(async (gpu) => {
    const cases = [...manyCases(12), ["nearly tied", nearlyTied()] as const];
    const results = await run(
      gpu,
      cases.map(([, one]) => one),
    );
    cases.forEach(([name, one], i) => expect(faults(results[i]!, one), name).toEqual([]));
  }));

test("the stable form is -log(exp(-T) - exp(-Z) + exp(-g))", () => {
  const next = uniforms(8);
  for (let i = 0; i < 10_000; i++) {
    const [parent, z] = [-6 * next(), 6 * next() - 3];
    const g = z - 6 * next();
    const naive = -Math.log(Math.exp(-parent) - Math.exp(-z) + Math.exp(-g)) - parent;
    expect(Math.abs(truncatedBelow(parent, z, g) - naive)).toBeLessThan(1e-9);
  }
});

test("the tolerance is narrow", () => {
  const widths = manyCases(2).flatMap(([, one]) => {
    const row = reference(one.tree, one.logProbs, one.tokens, one, STATE, 0);
    return row.flatMap((wanted, j) => {
      if (j === 0 || wanted.excluded || wanted.score < -100) return [];
      const [low, high] = scoreRange(one, 0, j, wanted);
      return [high - low];
    });
  });
  widths.sort((a, b) => a - b);
  expect(widths[Math.floor(widths.length * 0.5)]).toBeLessThan(1e-3);
});

const SERIES = "-a * (1.0 + a * (0.5 + a * (0.16666667 + a * (0.041666668 + a * 0.008333334))))";

const FAULTS: [string, string, string][] = [
  ["not truncated", "max(-max(v, 0.0) - log(1.0 + exp(-abs(v))), EXCLUDED)", "own - most"],
  ["the series too short", SERIES, "-a"],
  ["no exclusion of tokens", "order_key(log_q) <= NEGATIVE_INFINITY_KEY || ", ""],
  ["no exclusion of nodes", " || parent <= EXCLUDED", ""],
  ["scores are not held to fall", "least = min(least, scores[j])", "least = scores[j] + 1e-9"],
  ["the path's probability left out", "(path_log_prob(node) + own)", "own"],
  ["one token of the path", "phi += log_prob", "phi = log_prob"],
  ["noise of the node's own position", "control.base + tree.depth[node]", "control.base"],
  ["own noise instead of shared", "params.shared_noise == 1u", "params.shared_noise == 2u"],
  ["own noise by the row", "draw_place(control.base, node)", "draw_place(control.base, token)"],
  ["the next row's log-probabilities", "(node - ROOT) * params.vocab", "node * params.vocab"],
  ["the parent's psi left out", "let v = parent - ", "let v = -"],
  ["another's first", "candidates[f * params.k].token", "candidates[0].token"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const cases = [...manyCases(4).map(([, one]) => one), nearlyTied()];
    for (const [name, right, wrong] of FAULTS) {
      const results = await run(gpu, cases, plantFault(beamScores, right, wrong));
      const found = cases.flatMap((one, i) => faults(results[i]!, one));
      expect(found, name).not.toEqual([]);
    }
  }),
);
