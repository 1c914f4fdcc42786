import addDot from "../../shaders/shared/add-dot.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import softcap from "../../shaders/shared/softcap.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/attention-tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** Attention of every row to the prefix and to its own ancestors in the tree, and to nothing else. */
export const attentionTree = defineKernel({
  name: "attention-tree",
  wgsl,
  shared: [tree, rows, addDot, softcap],
  buffers: { q: "read", kv: "read", rows: "read", tree: "read", out: "read_write" },
  params: { heads: "u32", kv_heads: "u32", head_dim: "u32", slots: "u32" },
  constants: { WINDOW: 0, QUERY_SCALAR: 0, SOFTCAP: 0 },
  statics: { NODES: 64, LEVELS: 64, TILE: 64 },
});

export function attentionTreeGrid(heads: number, rows: number): Grid {
  return [heads, rows];
}

/**
 * `TILE`, keys and lanes per workgroup: a warp of most GPUs, and a quarter of the time of 64 on software adapters. Each
 * lane owns four output elements, so it is at least a quarter of `headDim` (at most 256).
 */
export function attentionTile(headDim: number): number {
  return headDim <= 128 ? 32 : 64;
}
