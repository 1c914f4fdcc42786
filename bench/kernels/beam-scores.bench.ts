import type { Gpu } from "../../src/gpu/index.ts";
import {
  beamScores,
  beamScoresGrid,
  DRAFT_TREE,
  encodeControl,
  encodeTokenTree,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { levelTree, randomLogits, VOCABS } from "../trees.ts";

const vocab = VOCABS[0]!;

const variants = [4, 16, 63].map((width) => ({
  name: `${width} of ${width} x ${width}`,
  bytes: width * width * 12,
  async prepare(gpu: Gpu) {
    const pipeline = gpu.kernels.compile(beamScores, { statics: DRAFT_TREE });
    const frontierStart = 2 + width;
    // Node 1 is the root: all paths lead to it.
    const nodes = levelTree(frontierStart + width, width).map((node, i) => ({
      ...node,
      parent: i < 2 ? i - 1 : Math.max(1, node.parent),
    }));
    const tokens = Array.from({ length: width * width }, (_, i) => [(i * 37) % vocab, 0]);
    const buffers = {
      control: gpu.buffers.upload("control", encodeControl({ base: 100, seed: 1 })),
      tree: gpu.buffers.upload("tree", encodeTokenTree(DRAFT_TREE, nodes)),
      log_probs: randomLogits(gpu, nodes.length, vocab),
      candidates: gpu.buffers.upload("candidates", Uint32Array.from(tokens.flat())),
    };
    const params = {
      vocab,
      frontier_start: frontierStart,
      frontier_count: width,
      k: width,
      shared_noise: 0,
    };
    return [pipeline.bind(gpu.buffers, buffers, params), beamScoresGrid(width)] as const;
  },
}));

benchKernel("beam-scores", variants);
