import type { Gpu } from "../../src/gpu/index.ts";
import {
  encodeControl,
  encodeTokenTree,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
  verifyMatch,
  verifyMatchGrid,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { levelTree } from "../trees.ts";

const SHAPES = [
  [1, 1],
  [16, 4],
  [64, 8],
  [64, 1],
] as const;

const variants = SHAPES.map(([nodes, width]) => ({
  name: `${nodes} nodes in levels of ${width}`,
  bytes: nodes * 8,
  async prepare(gpu: Gpu) {
    const pipeline = gpu.kernels.compile(verifyMatch);
    // The target agrees with every first child, so the walk is as long as the tree is deep.
    const tree = levelTree(nodes, width);
    const ids = tree.map((_, i) => tree.find(({ parent }) => parent === i)?.token ?? 0);
    const buffers = {
      ids: gpu.buffers.upload("ids", Uint32Array.from(ids)),
      tree: gpu.buffers.upload("tree", encodeTokenTree(TARGET_TREE, tree)),
      control: gpu.buffers.upload("control", encodeControl({})),
      ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
    };
    return [pipeline.bind(gpu.buffers, buffers, { nodes }), verifyMatchGrid()] as const;
  },
}));

benchKernel("verify-match", variants);
