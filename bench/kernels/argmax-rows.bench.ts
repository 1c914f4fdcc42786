import type { Gpu } from "../../src/gpu/index.ts";
import { argmaxRows, argmaxRowsGrid, argmaxRowsLanes } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { randomLogits, VOCABS } from "../trees.ts";

const variants = VOCABS.flatMap((vocab) =>
  [1, 16].flatMap((rows) =>
    [...new Set([argmaxRowsLanes(vocab), 64, 256])].map((lanes) => ({
      name: `vocab ${vocab}, ${rows} rows, ${lanes} lanes`,
      bytes: rows * vocab * 4,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: lanes };
        const pipeline = gpu.kernels.compile(argmaxRows, { constants });
        const ids = gpu.buffers.storage("ids", rows * 4);
        const buffers = { logits: randomLogits(gpu, rows, vocab), ids };
        return [pipeline.bind(gpu.buffers, buffers, { vocab }), argmaxRowsGrid(rows)] as const;
      },
    })),
  ),
);

benchKernel("argmax-rows", variants);
