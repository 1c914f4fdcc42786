import type { Gpu } from "../../src/gpu/index.ts";
import { laneCount, qkvRope, qkvRopeGrid, rowTile } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { K, matrix, matrixBytes, ROWS, TYPES, vector } from "../products.ts";

const HEAD_DIM = 64;
const HEADS = K / HEAD_DIM;
const OUTPUTS = 3 * K;
const SLOTS = 128;

const variants = TYPES.flatMap((type) =>
  ROWS.map((rows) => ({
    name: `${type}, ${rows} rows`,
    bytes: matrixBytes(OUTPUTS, K, type),
    async prepare(gpu: Gpu) {
      const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(K, undefined, type) };
      const pipeline = gpu.kernels.compile(qkvRope, { statics, weights: type });
      const places = Array.from({ length: rows }, (_, r) => [r, 20, 20 + r, 20 + r]).flat();
      const buffers = {
        x: vector(gpu, rows * K),
        gain: vector(gpu, K),
        w: matrix(gpu, OUTPUTS, K, type),
        rope: vector(gpu, SLOTS * HEAD_DIM),
        rows: gpu.buffers.upload("rows", Uint32Array.from(places)),
        q: gpu.buffers.storage("q", rows * K * 4),
        kv: gpu.buffers.storage("kv", 2 * SLOTS * K * 4),
      };
      const heads = { heads: HEADS, kv_heads: HEADS, head_dim: HEAD_DIM };
      const params = { rows, k4: K / 4, ...heads, slots: SLOTS, eps: 1e-5 };
      return [pipeline.bind(gpu.buffers, buffers, params), qkvRopeGrid(OUTPUTS, rows)] as const;
    },
  })),
);

benchKernel("qkv-rope", variants);
