import type { Gpu } from "../../src/gpu/index.ts";
import { laneCount, matmulAdd, matmulAddGrid, rowTile } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { COLS as K, K as COLS, matrix, matrixBytes, ROWS, TYPES, vector } from "../products.ts";

// The down projection: from the wide side back to the residual stream.
const variants = TYPES.flatMap((type) =>
  ROWS.map((rows) => ({
    name: `${type}, ${rows} rows`,
    bytes: matrixBytes(COLS, K, type),
    async prepare(gpu: Gpu) {
      const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(K, undefined, type) };
      const pipeline = gpu.kernels.compile(matmulAdd, { statics, weights: type });
      const buffers = {
        x: vector(gpu, rows * K),
        w: matrix(gpu, COLS, K, type),
        y: vector(gpu, rows * COLS),
      };
      const bound = pipeline.bind(gpu.buffers, buffers, { rows, cols: COLS, k4: K / 4 });
      return [bound, matmulAddGrid(COLS, rows)] as const;
    },
  })),
);

benchKernel("matmul-add", variants);
