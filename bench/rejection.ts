// Buffers for the benches of the rules that reject: rows of log-probabilities, and a tree drawn by nobody.
import type { BufferSlice, Gpu } from "../src/gpu/index.ts";
import {
  encodeControl,
  encodeTokenTree,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
  type TreeNode,
} from "../src/kernels/index.ts";
import { normals } from "../tests/support/random.ts";

/** Every child is rejected, or every one accepted: what a round costs lies between. */
export type Outcome = "rejecting" | "accepting";

export function rejectionBuffers(
  gpu: Gpu,
  tree: readonly TreeNode[],
  vocab: number,
  outcome: Outcome,
): Record<"target_rows" | "draft_rows" | "tree" | "control" | "ring", BufferSlice> {
  const normal = normals(vocab);
  const drafted = new Set(tree.map(({ token }) => token));
  const row = Float32Array.from({ length: vocab }, () => normal() - Math.log(vocab));
  const target = row.map((x, token) =>
    outcome === "rejecting" && drafted.has(token) ? -Infinity : x,
  );
  const rows = (one: Float32Array) => {
    const all = new Float32Array(tree.length * vocab);
    for (let i = 0; i < tree.length; i++) all.set(one, i * vocab);
    return all;
  };
  return {
    target_rows: gpu.buffers.upload("target", rows(target)),
    draft_rows: gpu.buffers.upload("draft", rows(row)),
    tree: gpu.buffers.upload("tree", encodeTokenTree(TARGET_TREE, tree)),
    control: gpu.buffers.upload("control", encodeControl({})),
    ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
  };
}
