import candidate from "../../shaders/shared/candidate.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/node-log-probs.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { TARGET_TREE } from "./tree-layout.ts";

/** How probable the target finds each node of a tree after its parent. */
export const nodeLogProbs = defineKernel({
  name: "node-log-probs",
  wgsl,
  shared: [candidate, tree],
  buffers: { tree: "read", logits: "read", candidates: "read", log_probs: "read_write" },
  params: { vocab: "u32", nodes: "u32", k: "u32" },
  constants: { WORKGROUP_SIZE: 64 },
  statics: TARGET_TREE,
});

export function nodeLogProbsGrid(): Grid {
  return [1];
}
