import columns from "../../shaders/shared/columns.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import wgsl from "../../shaders/matmul-add.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { COLUMNS, rowTile } from "./row-tile.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** A matrix product added onto the residual stream, or by itself. */
export const matmulAdd = defineKernel({
  name: "matmul-add",
  wgsl,
  shared: [laneSums, columns],
  buffers: { x: "read", w: "read", y: "read_write" },
  params: { rows: "u32", cols: "u32", k4: "u32" },
  constants: { ADD: 1 },
  statics: { ROWS: 1, WORKGROUP_SIZE: 64 },
  weights: WEIGHT_READERS,
});

export function matmulAddGrid(cols: number, rows: number, tile = rowTile(rows)): Grid {
  return [Math.ceil(cols / COLUMNS), Math.ceil(rows / tile)];
}
