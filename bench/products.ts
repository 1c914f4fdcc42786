// Sizes that the benches of the matrix products share.
import type { BufferSlice, Gpu, WeightType } from "../src/gpu/index.ts";
import { weightRowBytes } from "../src/kernels/index.ts";
import { software } from "./harness.ts";

/** Rows to compare: the cost of scoring a tree against that of one token. */
export const ROWS = software ? [1, 8] : [1, 2, 4, 8, 16, 32];

/** Width of the residual stream and of the other side: a 1B-shaped layer, or a small one. */
export const K = software ? 256 : 2048;
export const COLS = software ? 256 : 8192;
export const TYPES: readonly WeightType[] = ["f32", "f16", "q8", "q4"];

/** A filled weight matrix; its values do not matter, but zeros and subnormal numbers can be slow or fast. */
export function matrix(gpu: Gpu, cols: number, k: number, type: WeightType): BufferSlice {
  const count = cols * k;
  // 0x2c00 is 1/16 in f16.
  if (type === "f16") return gpu.buffers.upload("w", new Uint16Array(count).fill(0x2c00));
  if (type === "f32") return gpu.buffers.upload("w", new Float32Array(count).fill(1 / 16));
  // Integers and scales alike: as scales they are 1/16, as q8 and q4 they are no zeros.
  return gpu.buffers.upload("w", new Uint16Array(matrixBytes(cols, k, type) / 2).fill(0x2c00));
}

export function matrixBytes(cols: number, k: number, type: WeightType): number {
  return cols * weightRowBytes(type, k);
}

export function vector(gpu: Gpu, length: number): BufferSlice {
  return gpu.buffers.upload("x", new Float32Array(length).fill(0.5));
}
