import type { Gpu } from "../../src/gpu/index.ts";
import {
  encodeControl,
  NOISE,
  warpParams,
  warpRows,
  warpRowsGrid,
  warpRowsLanes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { normals } from "../../tests/support/random.ts";
import { VOCABS } from "../trees.ts";

const ROWS = 8;

const OFF = { temperature: 0.8, topK: 0, topP: 1, minP: 0, typicalP: 1, topNSigma: 0 };
const STAGES = {
  "no stage": OFF,
  "min-p": { ...OFF, minP: 0.05 },
  "top-p": { ...OFF, topP: 0.9 },
  "top-k and top-p": { ...OFF, topK: 50, topP: 0.9 },
  typical: { ...OFF, typicalP: 0.9 },
  "top-n-sigma": { ...OFF, topNSigma: 1 },
};
const ORDER = ["temperature", "topNSigma", "topK", "topP", "minP", "typicalP"] as const;

const variants = VOCABS.flatMap((vocab) =>
  [...new Set([warpRowsLanes(vocab), 64, 256])].flatMap((lanes) =>
    Object.entries(STAGES).map(([name, stages]) => ({
      name: `vocab ${vocab}, ${name}, ${lanes} lanes`,
      bytes: ROWS * vocab * 4 * 3,
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: lanes };
        const pipeline = gpu.kernels.compile(warpRows, { constants });
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
          ...warpParams({ ...stages, order: ORDER }),
          noise: NOISE.shared,
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
