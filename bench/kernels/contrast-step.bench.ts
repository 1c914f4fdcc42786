import type { Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  contrastStep,
  contrastStepGrid,
  encodeControl,
  encodeTokenTree,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { levelTree } from "../trees.ts";

const variants = [16, 4096].flatMap((text) =>
  [4, 16].map((candidates) => ({
    name: `${text} positions, ${candidates} candidates`,
    bytes: (text / 4) * candidates * 4,
    async prepare(gpu: Gpu) {
      const pipeline = gpu.kernels.compile(contrastStep);
      const start = encodeControl({ base: text - 1 });
      const buffers = {
        candidates: gpu.buffers.storage("candidates", candidates ** 2 * CANDIDATE_BYTES),
        similarities: gpu.buffers.storage("similarities", (text / 4) * candidates * 4),
        tree: gpu.buffers.upload(
          "tree",
          encodeTokenTree(TARGET_TREE, levelTree(1 + candidates, candidates)),
        ),
        control: gpu.buffers.upload("control", start),
        ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
      };
      const bound = pipeline.bind(gpu.buffers, buffers, { candidates, alpha: 0.6, opening: 0 });
      const restore = () => gpu.buffers.write(buffers.control, 0, start);
      return [bound, contrastStepGrid(), restore] as const;
    },
  })),
);

benchKernel("contrast-step", variants);
