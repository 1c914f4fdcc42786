import type { Gpu } from "../../src/gpu/index.ts";
import { nodeLogProbs, nodeLogProbsGrid, TARGET_TREE } from "../../src/kernels/index.ts";
import { uniforms } from "../../tests/support/random.ts";
import { branchingParents, toBytes, treeOf } from "../../tests/support/token-trees.ts";
import { benchKernel } from "../harness.ts";

const VOCAB = 32000;

const variants = [16, 64].map((nodes) => ({
  name: `${nodes} nodes`,
  bytes: nodes * (4 + 4 + 8 + 4 + 4 + 4),
  async prepare(gpu: Gpu) {
    const { buffers: scope } = gpu;
    const pipeline = gpu.kernels.compile(nodeLogProbs);
    const tree = treeOf(branchingParents([nodes - 1]), VOCAB, uniforms(1));
    const buffers = {
      tree: scope.upload("tree", toBytes(tree, TARGET_TREE)),
      logits: scope.storage("logits", nodes * VOCAB * 4),
      candidates: scope.storage("candidates", nodes * 8),
      log_probs: scope.storage("log probs", nodes * 4),
    };
    const bound = pipeline.bind(scope, buffers, { vocab: VOCAB, nodes, k: 1 });
    return [bound, nodeLogProbsGrid()] as const;
  },
}));

benchKernel("node-log-probs", variants);
