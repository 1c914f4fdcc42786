import addDot from "../../shaders/shared/add-dot.wgsl?raw";
import columnGroups from "../../shaders/shared/column-groups.wgsl?raw";
import columns from "../../shaders/shared/columns.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import normDot from "../../shaders/shared/norm-dot.wgsl?raw";
import softcap from "../../shaders/shared/softcap.wgsl?raw";
import wgsl from "../../shaders/norm-matmul.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { COLUMNS, rowTile } from "./row-tile.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** The last norm and the language-model head: logits. */
export const normMatmul = defineKernel({
  name: "norm-matmul",
  wgsl,
  shared: [normDot, laneSums, columns, columnGroups, addDot, softcap],
  buffers: { x: "read", gain: "read", w: "read", logits: "read_write" },
  params: { rows: "u32", first: "u32", cols: "u32", k4: "u32", eps: "f32" },
  constants: { SOFTCAP: 0 },
  statics: { ROWS: 1, WORKGROUP_SIZE: 64 },
  weights: WEIGHT_READERS,
});

/** Workgroups along one dimension that every device allows; a large vocabulary has more. */
const MAX_GROUPS = 65_535;

export function normMatmulGrid(cols: number, rows: number, tile = rowTile(rows)): Grid {
  const groups = Math.ceil(cols / COLUMNS);
  const layers = Math.ceil(groups / MAX_GROUPS);
  return [Math.ceil(groups / layers), layers * Math.ceil(rows / tile)];
}
