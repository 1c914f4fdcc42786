import type { Gpu } from "../../src/gpu/index.ts";
import { PATH_RULES, verifyLanes, verifyPaths, verifyPathsGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { rejectionBuffers, type Outcome } from "../rejection.ts";
import { levelTree, VOCABS } from "../trees.ts";

const OUTCOMES: readonly Outcome[] = ["accepting", "rejecting"];
const PATHS = 4;
const NODES = 1 + PATHS * 4;
const RULES = ["specinfer", "spectr"] as const;

const variants = VOCABS.flatMap((vocab) =>
  RULES.flatMap((rule) =>
    OUTCOMES.map((outcome) => ({
      name: `${vocab} tokens, ${PATHS} paths, ${rule}, ${outcome}`,
      // One level that all paths share: a pass over both rows per rejected draw (specinfer) or 33 (spectr), and the draw.
      bytes: 4 * vocab * (rule === "spectr" ? 67 : outcome === "rejecting" ? 4 * PATHS + 1 : 1),
      async prepare(gpu: Gpu) {
        const constants = { WORKGROUP_SIZE: verifyLanes(vocab) };
        const pipeline = gpu.kernels.compile(verifyPaths, { constants });
        const { buffers, restore } = rejectionBuffers(gpu, levelTree(NODES, PATHS), vocab, outcome);
        const params = { nodes: NODES, vocab, paths: PATHS, rule: PATH_RULES[rule] };
        return [pipeline.bind(gpu.buffers, buffers, params), verifyPathsGrid(), restore] as const;
      },
    })),
  ),
);

benchKernel("verify-paths", variants);
