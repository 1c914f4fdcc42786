import type { Gpu } from "../../src/gpu/index.ts";
import { laneCount, normMatmul, normMatmulGrid, rowTile } from "../../src/kernels/index.ts";
import { benchKernel, software } from "../harness.ts";
import { K, matrix, matrixBytes, ROWS, TYPES, vector } from "../products.ts";

const VOCAB = software ? 1024 : 32_000;

const variants = TYPES.flatMap((type) =>
  ROWS.map((rows) => ({
    name: `${type}, ${rows} rows`,
    bytes: matrixBytes(VOCAB, K, type),
    async prepare(gpu: Gpu) {
      const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(K, undefined, type) };
      const pipeline = gpu.kernels.compile(normMatmul, { statics, weights: type });
      const buffers = {
        x: vector(gpu, rows * K),
        gain: vector(gpu, K),
        w: matrix(gpu, VOCAB, K, type),
        logits: gpu.buffers.storage("logits", rows * VOCAB * 4),
      };
      const params = { rows, first: 0, cols: VOCAB, k4: K / 4, eps: 1e-5 };
      return [pipeline.bind(gpu.buffers, buffers, params), normMatmulGrid(VOCAB, rows)] as const;
    },
  })),
);

benchKernel("norm-matmul", variants);
