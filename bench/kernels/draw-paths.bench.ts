import type { Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  drawPaths,
  drawPathsGrid,
  encodeControl,
  warpRowsLanes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { randomLogits, VOCABS } from "../trees.ts";

const variants = VOCABS.flatMap((vocab) =>
  [1, 16].flatMap((paths) =>
    [...new Set([warpRowsLanes(vocab), 64, 256])].map((lanes) => ({
      name: `vocab ${vocab}, ${paths} paths, ${lanes} lanes`,
      bytes: paths * vocab * 4,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: lanes };
        const pipeline = gpu.kernels.compile(drawPaths, { constants });
        const buffers = {
          control: gpu.buffers.upload("control", encodeControl({ base: 100, seed: 1 })),
          log_probs: randomLogits(gpu, paths, vocab),
          candidates: gpu.buffers.storage("candidates", paths * CANDIDATE_BYTES),
        };
        const params = { vocab, frontier_start: 1, step: 1, level_start: 1 + paths };
        return [pipeline.bind(gpu.buffers, buffers, params), drawPathsGrid(paths)] as const;
      },
    })),
  ),
);

benchKernel("draw-paths", variants);
