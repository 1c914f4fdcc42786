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

type RejectionBuffers = Record<
  "target_rows" | "draft_rows" | "tree" | "control" | "ring",
  BufferSlice
>;

/** The kernels leave scratch in the rows, and another round in the control block. */
export function rejectionBuffers(
  gpu: Gpu,
  tree: readonly TreeNode[],
  vocab: number,
  outcome: Outcome,
): { buffers: RejectionBuffers; restore: () => void } {
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
  const data = {
    target_rows: rows(target),
    draft_rows: rows(row),
    tree: encodeTokenTree(TARGET_TREE, tree),
    control: encodeControl({}),
  };
  const upload = (name: keyof typeof data) => gpu.buffers.upload(name, data[name]);
  const buffers = {
    target_rows: upload("target_rows"),
    draft_rows: upload("draft_rows"),
    tree: upload("tree"),
    control: upload("control"),
    ring: gpu.buffers.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
  };
  const restore = () => {
    for (const name of ["target_rows", "draft_rows", "control"] as const) {
      const { buffer, offset } = buffers[name];
      gpu.device.queue.writeBuffer(buffer, offset, data[name]);
    }
  };
  return { buffers, restore };
}
