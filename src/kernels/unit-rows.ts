import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import wgsl from "../../shaders/unit-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** The last hidden states of a pass, after the final norm's gain, at length 1: what contrastive search compares. */
export const unitRows = defineKernel({
  name: "unit-rows",
  wgsl,
  shared: [laneSums, rows],
  buffers: { x: "read", gain: "read", rows: "read", units: "read_write" },
  params: { k4: "u32" },
  constants: {},
  statics: { WORKGROUP_SIZE: 64 },
});

export function unitRowsGrid(rows: number): Grid {
  return [rows];
}
