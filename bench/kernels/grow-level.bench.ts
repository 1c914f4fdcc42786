import type { Gpu } from "../../src/gpu/index.ts";
import {
  CANDIDATE_BYTES,
  DRAFT_TREE,
  encodeTokenTree,
  growLevel,
  growLevelGrid,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { levelTree } from "../trees.ts";

const variants = [1, 4, 8, 16, 63].map((width) => ({
  name: `${width} of ${width} x ${width}`,
  bytes: width * width * CANDIDATE_BYTES,
  async prepare(gpu: Gpu) {
    const pipeline = gpu.kernels.compile(growLevel);
    const start = 1 + width;
    // Every row holds 0, -1, -2, ...: the rows compete.
    const scores = Float32Array.from({ length: 2 * width * width }, (_, i) => -((i >> 1) % width));
    const buffers = {
      candidates: gpu.buffers.upload("candidates", scores),
      tree: gpu.buffers.upload(
        "tree",
        encodeTokenTree(DRAFT_TREE, levelTree(start + width, width)),
      ),
    };
    const params = {
      frontier_start: start,
      frontier_count: width,
      k: width,
      level_start: start + width,
      width,
      depth: 3,
    };
    return [pipeline.bind(gpu.buffers, buffers, params), growLevelGrid()] as const;
  },
}));

benchKernel("grow-level", variants);
