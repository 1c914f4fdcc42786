import type { Gpu } from "../../src/gpu/index.ts";
import {
  encodeControl,
  NOISE,
  warpRows,
  warpRowsGrid,
  warpRowsLanes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { randomLogits, VOCABS } from "../trees.ts";

const ROWS = 8;

const STAGES = {
  "no stage": { top_k: 0, top_p: 1, min_p: 0 },
  "min-p": { top_k: 0, top_p: 1, min_p: 0.05 },
  "top-p": { top_k: 0, top_p: 0.9, min_p: 0 },
  "top-k and top-p": { top_k: 50, top_p: 0.9, min_p: 0 },
};

const variants = VOCABS.flatMap((vocab) =>
  [...new Set([warpRowsLanes(vocab), 64, 256])].flatMap((lanes) =>
    Object.entries(STAGES).map(([name, stages]) => ({
      name: `vocab ${vocab}, ${name}, ${lanes} lanes`,
      bytes: ROWS * vocab * 4 * 3,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: lanes };
        const pipeline = await gpu.kernels.compile(warpRows, { constants });
        const buffers = {
          control: gpu.buffers.upload("control", encodeControl({ base: 100, seed: 1 })),
          rows: gpu.buffers.storage("rows", ROWS * 16),
          logits: randomLogits(gpu, ROWS, vocab),
          log_probs: gpu.buffers.storage("log_probs", ROWS * vocab * 4),
        };
        const params = {
          vocab,
          first: 0,
          // Rows are warped where they stand, so a bench warps its own results: without noise, and at
          // temperature 1, they stay what they are.
          temperature: 1,
          ...stages,
          noise: NOISE.none,
          sharpness: 1,
          keep: 1,
          log_row: 0,
        };
        return [pipeline.bind(gpu.buffers, buffers, params), warpRowsGrid(ROWS)] as const;
      },
    })),
  ),
);

benchKernel("warp-rows", variants);
