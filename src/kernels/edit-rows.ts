import control from "../../shaders/shared/control.wgsl?raw";
import edits from "../../shaders/shared/edits.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import rowText from "../../shaders/shared/row-text.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/edit-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { TARGET_TREE } from "./tree-layout.ts";

/** Bias, penalties, bans and forced tokens: what happens to rows of logits before the sampling stages, each by its own text. */
export const editRows = defineKernel({
  name: "edit-rows",
  wgsl,
  shared: [control, edits, order, tree, rowText],
  buffers: {
    control: "read",
    tree: "read",
    history: "read",
    seen: "read",
    edits: "read",
    logits: "read_write",
  },
  params: { vocab: "u32", node_start: "u32", lag: "u32" },
  constants: { WORKGROUP_SIZE: 128 },
  statics: TARGET_TREE,
});

export function editRowsGrid(rows: number): Grid {
  return [rows];
}
