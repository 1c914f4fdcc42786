import type { Gpu } from "../../src/gpu/index.ts";
import {
  DRAFT_TREE,
  encodeTokenTree,
  pruneTree,
  pruneTreeGrid,
  TARGET_TREE,
  treeBytes,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { levelTree } from "../trees.ts";

const SIZES = [
  [22, 16],
  [58, 32],
  [512, 64],
] as const;

const variants = SIZES.map(([candidates, nodes]) => ({
  name: `${nodes} of ${candidates}`,
  bytes: candidates * 4,
  async prepare(gpu: Gpu) {
    const pipeline = gpu.kernels.compile(pruneTree);
    const draft = [{ token: 0, parent: -1 }, ...below(levelTree(candidates - 1, 8))];
    const buffers = {
      candidates_tree: gpu.buffers.upload("draft", encodeTokenTree(DRAFT_TREE, draft)),
      tree: gpu.buffers.storage("tree", treeBytes(TARGET_TREE)),
    };
    const bound = pipeline.bind(gpu.buffers, buffers, { candidates, nodes });
    return [bound, pruneTreeGrid()] as const;
  },
}));

/** The same tree below one node more. */
function below(nodes: ReturnType<typeof levelTree>): ReturnType<typeof levelTree> {
  return nodes.map((node) => ({ ...node, parent: node.parent + 1 }));
}

benchKernel("prune-tree", variants);
