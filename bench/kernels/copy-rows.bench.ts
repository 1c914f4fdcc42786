import type { Gpu } from "../../src/gpu/index.ts";
import { copyRows, copyRowsGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { VOCABS } from "../trees.ts";

const ROWS = 16;

const variants = VOCABS.map((vocab) => ({
  name: `vocab ${vocab}, ${ROWS} rows`,
  bytes: 2 * ROWS * vocab * 4,
  async prepare(gpu: Gpu) {
    const { buffers: scope } = gpu;
    const pipeline = gpu.kernels.compile(copyRows);
    const [logits, kept] = ["logits", "kept"].map((name) => scope.storage(name, ROWS * vocab * 4));
    const bound = pipeline.bind(scope, { logits: logits!, kept: kept! }, { vocab });
    return [bound, copyRowsGrid(vocab, ROWS)] as const;
  },
}));

benchKernel("copy-rows", variants);
