import wgsl from "../../shaders/contrast-rows.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import laneSums from "../../shaders/shared/lane-sums.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { rowTile } from "./row-tile.ts";

/** How much each candidate's hidden state is like those of the text, part by part of the text. */
export const contrastRows = defineKernel({
  name: "contrast-rows",
  wgsl,
  shared: [control, laneSums],
  buffers: { control: "read", units: "read", similarities: "read_write" },
  params: { candidates: "u32", k4: "u32" },
  constants: {},
  statics: { ROWS: 4, WORKGROUP_SIZE: 64 },
});

/** Positions of the text that one workgroup compares with. */
export const CONTRAST_POSITIONS = 4;

/** `slots` is the most positions there may be. */
export function contrastRowsGrid(
  slots: number,
  candidates: number,
  tile = rowTile(candidates),
): Grid {
  return [Math.ceil(slots / CONTRAST_POSITIONS), Math.ceil(candidates / tile)];
}
