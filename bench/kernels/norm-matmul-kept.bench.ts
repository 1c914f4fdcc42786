import type { Gpu } from "../../src/gpu/index.ts";
import {
  keptTokens,
  laneCount,
  normMatmulGrid,
  normMatmulKept,
  rowTile,
} from "../../src/kernels/index.ts";
import { benchKernel, software } from "../harness.ts";
import { K, matrix, matrixBytes, ROWS, vector } from "../products.ts";

const VOCAB = software ? 4096 : 128_000;

/** One token in `step` is kept; 1: all, as in norm-matmul. */
const variants = [1, 4, 8].flatMap((step) =>
  ROWS.map((rows) => ({
    name: `1 of ${step}, ${rows} rows`,
    bytes: matrixBytes(VOCAB / step, K, "f16") + rows * VOCAB * 4,
    async prepare(gpu: Gpu) {
      const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(K) };
      const pipeline = gpu.kernels.compile(normMatmulKept, { statics, weights: "f16" });
      const kept = Array.from({ length: VOCAB / step }, (_, i) => i * step);
      const buffers = {
        x: vector(gpu, rows * K),
        gain: vector(gpu, K),
        w: matrix(gpu, VOCAB, K, "f16"),
        kept: gpu.buffers.upload("kept", keptTokens(kept, VOCAB)),
        logits: gpu.buffers.storage("logits", rows * VOCAB * 4),
      };
      const params = { rows, first: 0, count: kept.length, vocab: VOCAB, k4: K / 4, eps: 1e-5 };
      const bound = pipeline.bind(gpu.buffers, buffers, params);
      return [bound, normMatmulGrid(kept.length, rows)] as const;
    },
  })),
);

benchKernel("norm-matmul-kept", variants);
