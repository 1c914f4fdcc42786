import control from "../../shaders/shared/control.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import surprise from "../../shaders/shared/surprise.wgsl?raw";
import wgsl from "../../shaders/surprise-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** Per row of logits, what turns a logit into a surprise, and the exponent of Zipf's law where `ratios` is above 0. */
export const surpriseRows = defineKernel({
  name: "surprise-rows",
  wgsl,
  shared: [control, order, surprise],
  buffers: { logits: "read", row_surprise: "read_write" },
  params: { vocab: "u32", temperature: "f32", ratios: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function surpriseRowsGrid(rows: number): Grid {
  return [rows];
}

/** A `WORKGROUP_SIZE`: every pass ends with a sum over the lanes, so few lanes suit a small vocabulary. */
export function surpriseRowsLanes(vocab: number): number {
  return vocab > 4096 ? 256 : 64;
}
