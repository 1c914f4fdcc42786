import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import { argmaxRows, argmaxRowsGrid, argmaxRowsLanes } from "../../src/kernels/index.ts";
import { argmaxRows as reference } from "../reference/argmax-rows.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals, uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";

async function run(
  gpu: Gpu,
  logits: Float32Array<ArrayBuffer>,
  vocab: number,
  lanes = argmaxRowsLanes(vocab),
  spec = argmaxRows,
) {
  const rows = logits.length / vocab;
  const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: lanes } });
  const ids = gpu.buffers.storage("ids", rows * 4);
  const buffers = { logits: gpu.buffers.upload("logits", logits), ids };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(gpu.buffers, buffers, { vocab }), argmaxRowsGrid(rows));
  const [data] = await gpu.submitAndRead([recording], [ids]);
  return [...new Uint32Array(data!, 0, rows)];
}

/** Rows that bite: ties, infinities, NaNs, zeros of both signs, denormals, the answer at either end. */
function awkwardRows(vocab: number): Float32Array<ArrayBuffer> {
  const normal = normals(vocab);
  const uniform = uniforms(vocab);
  const negativeNaN = new Float32Array(Uint32Array.of(0xffc00000).buffer)[0]!;
  const kinds: ((c: number) => number)[] = [
    () => normal(),
    () => Math.round(normal() * 2),
    () => -100 + Math.round(normal()),
    () => 0,
    (c) => (c === 0 || uniform() < 0.5 ? -0 : 0),
    () => (uniform() < 0.9 ? -Infinity : Math.round(normal())),
    () => -Infinity,
    (c) => (c === vocab - 1 ? -3e38 : -Infinity),
    () => (uniform() < 0.5 ? NaN : Math.round(normal())),
    (c) => (c === 1 ? -Infinity : NaN),
    (c) => (c % 2 ? negativeNaN : Math.round(normal())),
    () => NaN,
    (c) => c,
    (c) => -c,
    () => Math.round(uniform() * 4) * 1e-45,
    () => -Math.round(1 + uniform() * 4) * 1e-45,
  ];
  return Float32Array.from({ length: kinds.length * vocab }, (_, i) =>
    kinds[Math.floor(i / vocab)]!(i % vocab),
  );
}

// One device for all: each new one compiles the kernel again.
test("vocabularies of every shape", () =>
  withGpu(async (gpu) => {
    for (const vocab of [2, 3, 255, 256, 257, 512, 4096, 32003, 262144]) {
      const logits = awkwardRows(vocab);
      for (const lanes of new Set([argmaxRowsLanes(vocab), 256, 5])) {
        const what = `vocab ${vocab}, ${lanes} lanes`;
        expect(await run(gpu, logits, vocab, lanes), what).toEqual(reference(logits, vocab));
      }
    }
  }));

test("one row, and random rows with many ties", () =>
  withGpu(async (gpu) => {
    const normal = normals(1);
    for (const rows of [1, 64, 500]) {
      const logits = Float32Array.from({ length: rows * 300 }, () => Math.round(normal() * 4) / 4);
      expect(await run(gpu, logits, 300)).toEqual(reference(logits, 300));
    }
  }));

const FAULTS: [string, string, string][] = [
  ["the highest id wins a tie", "a.id < b.id", "a.id > b.id"],
  ["no rule for ties", "(a.key == b.key && a.id < b.id)", "false"],
  ["NaN as the largest number", "return 0u;", "return 0xffffffffu;"],
  ["-0 below +0", "0x80000000u - magnitude", "0x7fffffffu - magnitude"],
  ["the last column is left out", "c < params.vocab", "c < params.vocab - 1u"],
];

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const logits = awkwardRows(257);
    const wanted = reference(logits, 257);
    for (const [name, right, wrong] of FAULTS) {
      const actual = await run(gpu, logits, 257, 64, plantFault(argmaxRows, right, wrong));
      expect(actual, name).not.toEqual(wanted);
    }
  }),
);
