import type { Gpu } from "../../src/gpu/index.ts";
import { laneCount, rowTile, swiglu, swigluGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { COLS, K, matrix, matrixBytes, ROWS, TYPES, vector } from "../products.ts";

const variants = TYPES.flatMap((type) =>
  ROWS.map((rows) => ({
    name: `${type}, ${rows} rows`,
    bytes: matrixBytes(2 * COLS, K, type),
    async prepare(gpu: Gpu) {
      const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(K, undefined, type) };
      const pipeline = gpu.kernels.compile(swiglu, { statics, weights: type });
      const buffers = {
        x: vector(gpu, rows * K),
        gain: vector(gpu, K),
        w: matrix(gpu, 2 * COLS, K, type),
        h: gpu.buffers.storage("h", rows * COLS * 4),
      };
      const params = { rows, cols: COLS, k4: K / 4, eps: 1e-5 };
      return [pipeline.bind(gpu.buffers, buffers, params), swigluGrid(COLS, rows)] as const;
    },
  })),
);

benchKernel("swiglu", variants);
