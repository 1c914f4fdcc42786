import type { Gpu } from "../../src/gpu/index.ts";
import {
  argmaxRowsLanes,
  CANDIDATE_BYTES,
  pickRows,
  pickRowsGrid,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { randomLogits, VOCABS } from "../trees.ts";

const variants = VOCABS.flatMap((vocab) =>
  [1, 4, 10].map((rows) => ({
    name: `vocab ${vocab}, ${rows} rows`,
    bytes: rows * vocab * 4,
    async prepare(gpu: Gpu) {
      const constants = { WORKGROUP_SIZE: argmaxRowsLanes(vocab) };
      const pipeline = gpu.kernels.compile(pickRows, { constants });
      const logits = randomLogits(gpu, rows, vocab);
      const candidates = gpu.buffers.storage("candidates", rows * CANDIDATE_BYTES);
      const buffers = { logits, log_probs: logits, candidates };
      return [pipeline.bind(gpu.buffers, buffers, { vocab }), pickRowsGrid(rows)] as const;
    },
  })),
);

benchKernel("pick-rows", variants);
