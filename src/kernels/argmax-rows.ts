import bestOfLanes from "../../shaders/shared/best-of-lanes.wgsl?raw";
import bestOfRow from "../../shaders/shared/best-of-row.wgsl?raw";
import wgsl from "../../shaders/argmax-rows.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** The target's own token at each row. */
export const argmaxRows = defineKernel({
  name: "argmax-rows",
  wgsl,
  shared: [order, bestOfLanes, bestOfRow],
  buffers: { logits: "read", ids: "read_write" },
  params: { vocab: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function argmaxRowsGrid(rows: number): Grid {
  return [rows];
}

/** A `WORKGROUP_SIZE`: more lanes than a small vocabulary needs only cost time in their reduction. */
export function argmaxRowsLanes(vocab: number): number {
  return vocab > 4096 ? 256 : 64;
}
