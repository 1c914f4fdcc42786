import addDot from "../../shaders/shared/add-dot.wgsl?raw";
import columns from "../../shaders/shared/columns.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import normDot from "../../shaders/shared/norm-dot.wgsl?raw";
import wgsl from "../../shaders/swiglu.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { COLUMNS, rowTile } from "./row-tile.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** Norm, then the gated half of a feed-forward block. */
export const swiglu = defineKernel({
  name: "swiglu",
  wgsl,
  shared: [normDot, laneSums, columns, addDot],
  buffers: { x: "read", gain: "read", w: "read", h: "read_write" },
  params: { rows: "u32", cols: "u32", k4: "u32", eps: "f32" },
  constants: { GELU: 0 },
  statics: { ROWS: 1, WORKGROUP_SIZE: 64 },
  weights: WEIGHT_READERS,
});

/** `cols` is the width of h; each of its columns takes two of w's rows. */
export function swigluGrid(cols: number, rows: number, tile = rowTile(rows)): Grid {
  return [Math.ceil((2 * cols) / COLUMNS), Math.ceil(rows / tile)];
}
