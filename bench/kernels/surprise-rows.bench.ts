import type { Gpu } from "../../src/gpu/index.ts";
import {
  ROW_SURPRISE_BYTES,
  surpriseRows,
  surpriseRowsGrid,
  surpriseRowsLanes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { normals } from "../../tests/support/random.ts";
import { VOCABS } from "../trees.ts";

const ROWS = 8;

const variants = VOCABS.flatMap((vocab) =>
  [...new Set([surpriseRowsLanes(vocab), 64, 256])].flatMap((lanes) =>
    [0, 100].map((ratios) => ({
      name: `vocab ${vocab}, ${ratios} ratios, ${lanes} lanes`,
      bytes: ROWS * vocab * 4,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: lanes };
        const pipeline = gpu.kernels.compile(surpriseRows, { constants });
        const normal = normals(vocab);
        const data = Float32Array.from({ length: ROWS * vocab }, normal);
        const buffers = {
          logits: gpu.buffers.upload("logits", data),
          row_surprise: gpu.buffers.storage("row_surprise", ROWS * ROW_SURPRISE_BYTES),
        };
        const bound = pipeline.bind(gpu.buffers, buffers, { vocab, temperature: 1, ratios });
        return [bound, surpriseRowsGrid(ROWS)] as const;
      },
    })),
  ),
);

benchKernel("surprise-rows", variants);
