import wgsl from "../../shaders/contrast-step.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import commitRound from "../../shaders/shared/commit-round.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import ring from "../../shaders/shared/ring.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** A step of contrastive search: one candidate is kept, the others give way to what may follow it. */
export const contrastStep = defineKernel({
  name: "contrast-step",
  wgsl,
  shared: [order, candidate, control, ring, tree, commitRound],
  buffers: {
    candidates: "read",
    similarities: "read",
    tree: "read_write",
    control: "read_write",
    ring: "read_write",
  },
  params: { candidates: "u32", alpha: "f32", opening: "u32" },
  constants: { WORKGROUP_SIZE: 128, RING_ROUNDS: 32 },
  statics: { NODES: 64, LEVELS: 64 },
});

export function contrastStepGrid(): Grid {
  return [1];
}

/** The most candidates that a step may choose from. */
export const MOST_CONTRASTED = 16;
