import wgsl from "../../shaders/beam-scores.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import noise from "../../shaders/shared/noise.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Turns candidates that `top-candidates` found in noisy rows into those of a stochastic beam search: added to its
 * parent's score, a candidate's score is its truncated Gumbel, so that `grow-level` keeps the beam.
 */
export const beamScores = defineKernel({
  name: "beam-scores",
  wgsl,
  shared: [candidate, control, noise, order, tree],
  buffers: { control: "read", tree: "read", log_probs: "read", candidates: "read_write" },
  params: {
    vocab: "u32",
    frontier_start: "u32",
    frontier_count: "u32",
    k: "u32",
    shared_noise: "u32",
  },
  constants: { WORKGROUP_SIZE: 64 },
  statics: { NODES: 512, LEVELS: 66 },
});

export function beamScoresGrid(frontierCount: number): Grid {
  return [frontierCount];
}
