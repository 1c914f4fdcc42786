import control from "../../shaders/shared/control.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/embed-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** Looks tokens up in the embedding table and notes where each row of the pass stands. */
export const embedRows = defineKernel({
  name: "embed-rows",
  wgsl,
  shared: [control, tree, rows],
  buffers: { control: "read", tree: "read", w: "read", rows: "read_write", x: "read_write" },
  params: { cols4: "u32", row_start: "u32", lag: "u32" },
  constants: { WORKGROUP_SIZE: 64, EMBED_SCALE: 1 },
  statics: { NODES: 64, LEVELS: 64 },
  weights: WEIGHT_READERS,
});

export function embedRowsGrid(rows: number): Grid {
  return [rows];
}
