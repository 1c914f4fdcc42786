import wgsl from "../../shaders/copy-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** Keeps rows of logits that will be overwritten. */
export const copyRows = defineKernel({
  name: "copy-rows",
  wgsl,
  buffers: { logits: "read", kept: "read_write" },
  params: { vocab: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function copyRowsGrid(vocab: number, rows: number): Grid {
  return [Math.ceil(vocab / copyRows.constants.WORKGROUP_SIZE), rows];
}
