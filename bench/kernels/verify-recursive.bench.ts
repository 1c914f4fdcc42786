import type { Gpu } from "../../src/gpu/index.ts";
import { verifyLanes, verifyRecursive, verifyRecursiveGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { rejectionBuffers, type Outcome } from "../rejection.ts";
import { levelTree, VOCABS } from "../trees.ts";

const OUTCOMES: readonly Outcome[] = ["accepting", "rejecting"];
const NODES = 16;
const WIDTH = 4;

const variants = VOCABS.flatMap((vocab) =>
  OUTCOMES.map((outcome) => ({
    name: `${vocab} tokens, ${NODES} nodes, ${outcome}`,
    // A pass over both rows per rejected child of the root, and the draw.
    bytes: 4 * vocab * (outcome === "rejecting" ? 4 * WIDTH + 1 : 1),
    async prepare(gpu: Gpu) {
      const constants = { WORKGROUP_SIZE: verifyLanes(vocab) };
      const pipeline = gpu.kernels.compile(verifyRecursive, { constants });
      const { buffers, restore } = rejectionBuffers(gpu, levelTree(NODES, WIDTH), vocab, outcome);
      const params = { nodes: NODES, vocab };
      return [pipeline.bind(gpu.buffers, buffers, params), verifyRecursiveGrid(), restore] as const;
    },
  })),
);

benchKernel("verify-recursive", variants);
