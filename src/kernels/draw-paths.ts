import bestOfLanes from "../../shaders/shared/best-of-lanes.wgsl?raw";
import wgsl from "../../shaders/draw-paths.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import noise from "../../shaders/shared/noise.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** One draw with replacement per path: the next level of independent paths, one candidate each. */
export const drawPaths = defineKernel({
  name: "draw-paths",
  wgsl,
  shared: [candidate, control, noise, order, bestOfLanes],
  buffers: { control: "read", log_probs: "read", candidates: "read_write" },
  params: { vocab: "u32", frontier_start: "u32", step: "u32", level_start: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function drawPathsGrid(paths: number): Grid {
  return [paths];
}
