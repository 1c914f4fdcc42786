import addDot from "../../shaders/shared/add-dot.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import wgsl from "../../shaders/matmul-add.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { COLS, rowTile } from "./row-tile.ts";

/** A matrix product added onto the residual stream. */
export const matmulAdd = defineKernel({
  name: "matmul-add",
  wgsl,
  shared: [laneSums, addDot],
  buffers: { x: "read", w: "read", y: "read_write" },
  params: { rows: "u32", cols: "u32", k4: "u32" },
  constants: {},
  statics: { ROWS: 1, COLS, WORKGROUP_SIZE: 64 },
  weights: true,
});

export function matmulAddGrid(cols: number, rows: number, tile = rowTile(rows)): Grid {
  return [Math.ceil(cols / COLS), Math.ceil(rows / tile)];
}
