import type { Gpu } from "../../src/gpu/index.ts";
import { normRope, normRopeGrid } from "../../src/kernels/index.ts";
import { benchKernel } from "../harness.ts";
import { K, ROWS, vector } from "../products.ts";

const HEAD_DIM = 64;
const HEADS = K / HEAD_DIM;
const SLOTS = 128;

const variants = ROWS.map((rows) => ({
  name: `${rows} rows, ${HEADS} + ${HEADS} heads`,
  bytes: 4 * rows * K * 4,
  async prepare(gpu: Gpu) {
    const pipeline = gpu.kernels.compile(normRope);
    const places = Array.from({ length: rows }, (_, r) => [r, 20, 20 + r, 20 + r]).flat();
    const buffers = {
      gains: vector(gpu, 2 * HEAD_DIM),
      rope: vector(gpu, SLOTS * HEAD_DIM),
      rows: gpu.buffers.upload("rows", Uint32Array.from(places)),
      q: vector(gpu, rows * K),
      kv: vector(gpu, 2 * SLOTS * K),
    };
    const params = { heads: HEADS, kv_heads: HEADS, head_dim: HEAD_DIM, slots: SLOTS, eps: 1e-6 };
    const bound = pipeline.bind(gpu.buffers, buffers, params);
    return [bound, normRopeGrid(HEADS, HEADS, rows)] as const;
  },
}));

benchKernel("norm-rope", variants);
