import control from "../../shaders/shared/control.wgsl?raw";
import edits from "../../shaders/shared/edits.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/extend-history.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { TARGET_TREE } from "./tree-layout.ts";

/** Adds what a round committed to the text that `edit-rows` and `momentum-candidates` go by; `counts` where `seen` is kept too. */
export const extendHistory = defineKernel({
  name: "extend-history",
  wgsl,
  shared: [control, edits, tree],
  buffers: {
    control: "read",
    tree: "read",
    edits: "read",
    history: "read_write",
    seen: "read_write",
  },
  params: { counts: "u32" },
  constants: { WORKGROUP_SIZE: 1 },
  statics: TARGET_TREE,
});

export function extendHistoryGrid(): Grid {
  return [1];
}
