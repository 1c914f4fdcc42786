import type { Gpu } from "../../src/gpu/index.ts";
import {
  embedRows,
  embedRowsGrid,
  encodeControl,
  encodeTokenTree,
  TARGET_TREE,
} from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { K, matrix, matrixBytes, ROWS, TYPES } from "../products.ts";

const VOCAB = 1024;

const variants = TYPES.flatMap((type) =>
  ROWS.map((rows) => ({
    name: `${type}, ${rows} rows`,
    bytes: rows * (matrixBytes(1, K, type) + 4 * K),
    async prepare(gpu: Gpu) {
      const pipeline = gpu.kernels.compile(embedRows, {
        statics: TARGET_TREE,
        weights: type,
      });
      const nodes = Array.from({ length: rows }, (_, i) => ({ token: 37 * i, parent: i - 1 }));
      const buffers = {
        control: gpu.buffers.upload("control", encodeControl({ base: 5 })),
        tree: gpu.buffers.upload("tree", encodeTokenTree(TARGET_TREE, nodes)),
        w: matrix(gpu, VOCAB, K, type),
        rows: gpu.buffers.storage("rows", rows * 16),
        x: gpu.buffers.storage("x", rows * K * 4),
      };
      const params = { cols4: K / 4, row_start: 0, lag: 0 };
      return [pipeline.bind(gpu.buffers, buffers, params), embedRowsGrid(rows)] as const;
    },
  })),
);

benchKernel("embed-rows", variants);
