import wgsl from "../../shaders/pick-rows.wgsl?raw";
import bestOfLanes from "../../shaders/shared/best-of-lanes.wgsl?raw";
import bestOfRow from "../../shaders/shared/best-of-row.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** The token drawn at each row, where `warp-rows` put noise into the rows, and how probable it was. */
export const pickRows = defineKernel({
  name: "pick-rows",
  wgsl,
  shared: [order, bestOfLanes, bestOfRow, candidate],
  buffers: { logits: "read", log_probs: "read", candidates: "read_write" },
  params: { vocab: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function pickRowsGrid(rows: number): Grid {
  return [rows];
}
