import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import { argmaxRowsLanes, pickRows, pickRowsGrid } from "../../src/kernels/index.ts";
import { pickRows as reference } from "../reference/pick-rows.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals, uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";

/** Rows with ties, with infinities, with the answer at either end. */
function makeRows(vocab: number) {
  const [normal, uniform] = [normals(vocab), uniforms(vocab)];
  const kinds: ((c: number) => number)[] = [
    () => normal(),
    () => Math.round(normal() * 2),
    (c) => (c === 0 ? 9 : 0),
    (c) => (c === vocab - 1 ? 9 : 0),
    () => (uniform() < 0.8 ? -Infinity : Math.round(normal())),
    (c) => (c === vocab - 1 ? -3e38 : -Infinity),
  ];
  const logits = Float32Array.from({ length: kinds.length * vocab }, (_, i) =>
    kinds[Math.floor(i / vocab)]!(i % vocab),
  );
  return { logits, logProbabilities: logits.map(() => -Math.abs(normal())) };
}

async function run(gpu: Gpu, vocab: number, lanes: number, spec = pickRows) {
  const { logits, logProbabilities } = makeRows(vocab);
  const rows = logits.length / vocab;
  const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: lanes } });
  const candidates = gpu.buffers.storage("candidates", rows * 8);
  const buffers = {
    logits: gpu.buffers.upload("logits", logits),
    log_probs: gpu.buffers.upload("log probs", logProbabilities),
    candidates,
  };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(gpu.buffers, buffers, { vocab }), pickRowsGrid(rows));
  const [data] = await gpu.submitAndRead([recording], [candidates]);
  const [words, floats] = [new Uint32Array(data!), new Float32Array(data!)];
  const actual = Array.from({ length: rows }, (_, r) => ({
    token: words[2 * r]!,
    score: floats[2 * r + 1]!,
  }));
  return { actual, expected: reference(logits, logProbabilities, vocab) };
}

test("vocabularies of every shape", () =>
  withGpu(async (gpu) => {
    for (const vocab of [1, 2, 63, 64, 65, 257, 4096, 32003]) {
      for (const lanes of new Set([argmaxRowsLanes(vocab), 7])) {
        const { actual, expected } = await run(gpu, vocab, lanes);
        expect(actual, `vocab ${vocab}, ${lanes} lanes`).toEqual(expected);
      }
    }
  }));

const FAULTS: [string, string, string][] = [
  ["the highest id wins a tie", "a.id < b.id", "a.id > b.id"],
  ["the last column is left out", "c < params.vocab", "c < params.vocab - 1u"],
  ["another row's probability", "log_probs[row + found.id]", "log_probs[found.id]"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of FAULTS) {
      const { actual, expected } = await run(gpu, 257, 64, plantFault(pickRows, right, wrong));
      expect(actual, name).not.toEqual(expected);
    }
  }),
);
