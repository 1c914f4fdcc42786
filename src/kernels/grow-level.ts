import wgsl from "../../shaders/grow-level.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Adds a level to a draft's tree: `width` nodes from `level_start` on, `width` at most
 * `frontier_count * k`. The rows of `candidates` must be sorted, as `top-candidates` leaves them.
 */
export const growLevel = defineKernel({
  name: "grow-level",
  wgsl,
  shared: [order, candidate, tree],
  buffers: { candidates: "read", tree: "read_write" },
  params: {
    frontier_start: "u32",
    frontier_count: "u32",
    k: "u32",
    level_start: "u32",
    width: "u32",
    depth: "u32",
  },
  constants: { WORKGROUP_SIZE: 256 },
  statics: { NODES: 512, LEVELS: 66 },
});

export function growLevelGrid(): Grid {
  return [1];
}
