import type { Gpu } from "../../src/gpu/index.ts";
import {
  encodeControl,
  NOISE,
  warpRows,
  warpRowsGrid,
  warpRowsLanes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { normals } from "../../tests/support/random.ts";
import { VOCABS } from "../trees.ts";

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
        const normal = normals(vocab);
        const data = Float32Array.from({ length: ROWS * vocab }, normal);
        const buffers = {
          control: gpu.buffers.upload("control", encodeControl({ base: 100, seed: 1 })),
          rows: gpu.buffers.storage("rows", ROWS * 16),
          logits: gpu.buffers.upload("logits", data),
          log_probs: gpu.buffers.storage("log_probs", ROWS * vocab * 4),
        };
        const params = {
          vocab,
          first: 0,
          temperature: 0.8,
          ...stages,
          noise: NOISE.shared,
          sharpness: 1,
          keep: 1,
          log_row: 0,
        };
        const bound = pipeline.bind(gpu.buffers, buffers, params);
        const restore = () => gpu.buffers.write(buffers.logits, 0, data);
        return [bound, warpRowsGrid(ROWS), restore] as const;
      },
    })),
  ),
);

benchKernel("warp-rows", variants);
