// Trees and logits that the benches of the tree kernels share.
import type { BufferSlice, Gpu } from "../src/gpu/index.ts";
import type { TreeNode } from "../src/kernels/index.ts";
import { normals } from "../tests/support/random.ts";
import { software } from "./harness.ts";

/** Vocabularies: the embedded pair's order of size, Llama 2's and Llama 3's. */
export const VOCABS = software ? [2048] : [4096, 32000, 128256];

/** `[rows, vocab]` normal logits. */
export function randomLogits(gpu: Gpu, rows: number, vocab: number): BufferSlice {
  const normal = normals(vocab);
  return gpu.buffers.upload("logits", Float32Array.from({ length: rows * vocab }, normal));
}

/** Levels of `width` nodes below a root, each node below one of the level above; scores fall with the index. */
export function levelTree(nodes: number, width: number): TreeNode[] {
  return Array.from({ length: nodes }, (_, i) => ({
    token: 10 + i,
    parent: i === 0 ? -1 : Math.max(0, i - width),
    score: -i / 8,
  }));
}
