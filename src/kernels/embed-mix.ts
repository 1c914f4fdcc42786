import control from "../../shaders/shared/control.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import superposed from "../../shaders/shared/superposed.wgsl?raw";
import wgsl from "../../shaders/embed-mix.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { WEIGHT_READERS } from "./weight-readers.ts";

/** The input of a pass over superposed drafts: the mix of their last tokens' embeddings, in one row. */
export const embedMix = defineKernel({
  name: "embed-mix",
  wgsl,
  shared: [control, rows, superposed],
  buffers: { control: "read", drafts: "read", w: "read", rows: "read_write", x: "read_write" },
  params: { cols4: "u32" },
  constants: { WORKGROUP_SIZE: 64, EMBED_SCALE: 1 },
  weights: WEIGHT_READERS,
});

export function embedMixGrid(cols4: number): Grid {
  return [Math.ceil(cols4 / embedMix.constants.WORKGROUP_SIZE)];
}
