import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import { copyRows, copyRowsGrid } from "../../src/kernels/index.ts";
import { copyRows as reference } from "../reference/copy-rows.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";

const SHAPES = [
  [1, 1],
  [2, 3],
  [256, 2],
  [257, 64],
  [4096, 5],
] as const;

async function run(gpu: Gpu, vocab: number, rows: number, spec = copyRows) {
  const pipeline = gpu.kernels.compile(spec);
  const data = Float32Array.from({ length: rows * vocab }, (_, i) => (i % 7 ? i : -Infinity));
  const logits = gpu.buffers.upload("logits", data);
  const kept = gpu.buffers.storage("kept", data.byteLength);
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(gpu.buffers, { logits, kept }, { vocab }),
    copyRowsGrid(vocab, rows),
  );
  const [bytes] = await gpu.submitAndRead([recording], [kept]);
  return { actual: [...new Float32Array(bytes!, 0, data.length)], wanted: reference(data) };
}

test.each(SHAPES)("vocabulary %d, %d rows", (vocab, rows) =>
  withGpu(async (gpu) => {
    const { actual, wanted } = await run(gpu, vocab, rows);
    expect(actual).toEqual(wanted);
  }),
);

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    for (const [right, wrong] of [
      ["group.y * params.vocab", "group.y * WORKGROUP_SIZE"],
      ["group.x * WORKGROUP_SIZE", "0u"],
    ] as const) {
      const { actual, wanted } = await run(gpu, 257, 4, plantFault(copyRows, right, wrong));
      expect(actual).not.toEqual(wanted);
    }
  }),
);
