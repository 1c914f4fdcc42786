import wgsl from "../../shaders/prune-tree.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * The best part of the draft's tree, as the tree that the target scores. `candidates` counts all
 * nodes of the draft's tree, the two before the first candidate included; `nodes` is at most one less.
 */
export const pruneTree = defineKernel({
  name: "prune-tree",
  wgsl,
  shared: [order, tree],
  buffers: { candidates_tree: "read", tree: "read_write" },
  params: { candidates: "u32", nodes: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
  statics: {
    NODES: 64,
    LEVELS: 64,
    CANDIDATES: 512,
    CANDIDATE_LEVELS: 66,
  },
});

export function pruneTreeGrid(): Grid {
  return [1];
}
