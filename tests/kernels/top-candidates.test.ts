import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import { topCandidates, topCandidatesGrid, topCandidatesLanes } from "../../src/kernels/index.ts";
import { topCandidates as reference } from "../reference/top-candidates.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals, uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";

interface Case {
  logits: Float32Array<ArrayBuffer>;
  vocab: number;
  k: number;
  lanes?: number;
  /** Default 1. */
  sharpness?: number;
}

const lanesOf = ({ vocab, k, lanes }: Case) => lanes ?? topCandidatesLanes(vocab, k);

async function run(gpu: Gpu, one: Case, spec = topCandidates) {
  const { logits, vocab, k } = one;
  const rows = logits.length / vocab;
  const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: lanesOf(one) } });
  const candidates = gpu.buffers.storage("candidates", rows * k * 8);
  const sharpness = gpu.buffers.upload("sharpness", Float32Array.of(one.sharpness ?? 1));
  const buffers = { logits: gpu.buffers.upload("logits", logits), sharpness, candidates };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(gpu.buffers, buffers, { vocab, k }), topCandidatesGrid(rows));
  const [data] = await gpu.submitAndRead([recording], [candidates]);
  const [tokens, scores] = [new Uint32Array(data!), new Float32Array(data!)];
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: k }, (__, j) => {
      const at = (r * k + j) * 2;
      return { token: tokens[at]!, score: scores[at + 1]! };
    }),
  );
}

const HALF_ULP = 2 ** -24; // the largest relative error of one f32 rounding

/**
 * How far a score may be from the exact one, from WGSL's bounds: exp errs by 3 + 2|x| ULP, log by 3
 * ULP or 2^-21 near 1, each difference, product and sum by a rounding, and a sum has vocab / lanes + 32 terms in a row.
 */
function tolerance(row: Float32Array, score: number, lanes: number, sharpness: number): number {
  const largest = row.reduce((a, b) => Math.max(a, b));
  let sum = 0;
  let error = 0;
  for (const x of row) {
    const below = sharpness * (largest - x);
    if (below === Infinity) continue;
    const term = Math.exp(-below);
    sum += term;
    error += term * (2 * (3 + 2 * below) + 2 * below);
  }
  const ofSum = (error / sum + row.length / lanes + 32) * HALF_ULP;
  const ofLog = Math.max(2 ** -21, 6 * HALF_ULP * Math.log(sum));
  return ofSum + ofLog + (3 * Math.abs(score) + 2 * Math.log(sum)) * HALF_ULP;
}

/** What is wrong with `actual`; the tokens must be exact. */
function faults(actual: Awaited<ReturnType<typeof run>>, one: Case): string[] {
  const { logits, vocab, k, sharpness = 1 } = one;
  return reference(logits, vocab, k, sharpness).flatMap((row, r) =>
    row.flatMap(({ token, score }, j) => {
      const got = actual[r]![j]!;
      const where = `row ${r}, place ${j}:`;
      if (got.token !== token) return [`${where} token ${got.token}, not ${token}`];
      if (got.score > 0) return [`${where} score ${got.score} above 0`];
      if (got.score === score) return [];
      const row = logits.subarray(r * vocab, (r + 1) * vocab);
      const most = tolerance(row, score, lanesOf(one), sharpness);
      const error = Math.abs(got.score - score);
      return error <= most ? [] : [`${where} score off by ${error}, allowed ${most}`];
    }),
  );
}

/** Rows that bite. */
function awkwardRows(vocab: number): Float32Array<ArrayBuffer> {
  const normal = normals(vocab);
  const uniform = uniforms(vocab);
  const kinds: ((c: number) => number)[] = [
    () => normal() * 3,
    () => Math.round(normal() * 2),
    () => 7.25,
    () => (uniform() < 0.5 ? 0 : -0),
    () => (uniform() < 0.9 ? -Infinity : normal()),
    (c) => (c === vocab - 1 ? -50 : -Infinity),
    () => -Infinity,
    (c) => -0.5 * c,
    (c) => 0.01 * c,
    (c) => (c === 0 ? 90 : normal()),
    () => 3e30 * normal(),
  ];
  return rowsOf(vocab, kinds);
}

/** Rows in which one lane holds most of the largest, so that the list overflows in a large vocabulary. */
function crowdedRows(vocab: number, lanes: number): Float32Array<ArrayBuffer> {
  const normal = normals(vocab);
  return rowsOf(vocab, [
    (c) => (c % lanes === 3 ? 5 + normal() / 4 : normal() / 4),
    (c) => (c % lanes === 0 ? 5 : 0),
    (c) => (c % lanes < 2 ? Math.round(normal() * 4) : -Infinity),
  ]);
}

function rowsOf(vocab: number, kinds: ((c: number) => number)[]): Float32Array<ArrayBuffer> {
  return Float32Array.from({ length: kinds.length * vocab }, (_, i) =>
    kinds[Math.floor(i / vocab)]!(i % vocab),
  );
}

test("the largest, in order, with their log-probabilities", () =>
  withGpu(async (gpu) => {
    for (const vocab of [2, 63, 257, 512, 4096, 32003]) {
      const logits = awkwardRows(vocab);
      for (const most of vocab < 5000 ? [1, 8, 63] : [63]) {
        const one = { logits, vocab, k: Math.min(most, vocab) };
        expect(faults(await run(gpu, one), one), `vocab ${vocab}, k ${one.k}`).toEqual([]);
      }
    }
  }));

test("the largest all in one lane, more than the list holds", () =>
  withGpu(async (gpu) => {
    const sizes = [
      { vocab: 80000, lanes: 256, k: 8 },
      { vocab: 20000, lanes: 32, k: 63 },
    ];
    for (const { vocab, lanes, k } of sizes) {
      const one = { logits: crowdedRows(vocab, lanes), vocab, k, lanes };
      expect(faults(await run(gpu, one), one), `${lanes} lanes`).toEqual([]);
    }
  }));

test("sharper and flatter", () =>
  withGpu(async (gpu) => {
    for (const sharpness of [0.125, 0.7, 3]) {
      const one = { logits: awkwardRows(513), vocab: 513, k: 63, sharpness };
      expect(faults(await run(gpu, one), one), `sharpness ${sharpness}`).toEqual([]);
    }
  }));

test("random rows with ties; one row is as good as many", () =>
  withGpu(async (gpu) => {
    const normal = normals(3);
    const logits = Float32Array.from({ length: 300 * 700 }, (_, i) =>
      i % 1400 < 700 ? Math.round(normal() * 8) / 4 : normal() * 4,
    );
    const many = { logits, vocab: 700, k: 12 };
    const all = await run(gpu, many);
    expect(faults(all, many)).toEqual([]);
    for (const r of [0, 1, 299]) {
      const alone = { ...many, logits: logits.slice(r * 700, (r + 1) * 700) };
      expect(await run(gpu, alone)).toEqual([all[r]]);
    }
  }));

test("the number of lanes changes nothing but the sum's rounding", () =>
  withGpu(async (gpu) => {
    for (const lanes of [5, 64, 128, 256]) {
      for (const k of [1, 8, 63]) {
        const one = { logits: awkwardRows(700), vocab: 700, k, lanes };
        expect(faults(await run(gpu, one), one), `${lanes} lanes, k ${k}`).toEqual([]);
      }
    }
  }));

test("scores of finite logits are finite, and at most 0", () =>
  withGpu(async (gpu) => {
    const logits = Float32Array.of(3e38, -3e38, 0, 1, -3.4e38, 2, 3e38, 3.3e38);
    const [row] = await run(gpu, { logits, vocab: 8, k: 8 });
    expect(row!.map(({ token }) => token)).toEqual([7, 0, 6, 5, 3, 2, 1, 4]);
    for (const { score } of row!) expect(score).toBeLessThanOrEqual(0);
    for (const { score } of row!) expect(score).toBeGreaterThan(-Infinity);
  }));

const FAULTS: [string, string, string][] = [
  ["the highest id wins a tie", "a.id < b.id", "a.id > b.id"],
  ["the list's overflow is ignored", "length <= LIST_CAPACITY", "length > 0u"],
  ["the maximum is not subtracted", "(x - largest)", "x"],
  ["the sum is not sharpened", "exp(sharpness[0] * (x", "exp((x"],
  ["the score is not sharpened", "clamp(sharpness[0] * (x", "clamp((x"],
  ["a part of the sum is left out", "lane + FAN_IN", "lane + 2u * FAN_IN"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const [vocab, lanes] = [10000, 32];
    const cases = [awkwardRows(vocab), crowdedRows(vocab, lanes)].map((logits) => ({
      logits,
      vocab,
      k: 8,
      lanes,
      sharpness: 0.7,
    }));
    for (const [name, right, wrong] of FAULTS) {
      const spec = plantFault(topCandidates, right, wrong);
      const found: string[] = [];
      for (const one of cases) found.push(...faults(await run(gpu, one, spec), one));
      expect(found, name).not.toEqual([]);
    }
  }),
);
