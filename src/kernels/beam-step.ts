import wgsl from "../../shaders/beam-step.wgsl?raw";
import beams from "../../shaders/shared/beams.wgsl?raw";
import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * One step of a beam search: chooses the running beams' next tokens among the candidates that `top-candidates` found in
 * their rows, adds them to the tree as its next level, and keeps the texts that ended.
 */
export const beamStep = defineKernel({
  name: "beam-step",
  wgsl,
  shared: [order, candidate, control, tree, beams],
  buffers: {
    control: "read",
    candidates: "read",
    divisors: "read",
    tree: "read_write",
    search: "read_write",
  },
  params: {
    groups: "u32",
    width: "u32",
    k: "u32",
    keep: "u32",
    stopping: "u32",
    penalty_sign: "u32",
    diversity: "f32",
  },
  constants: { WORKGROUP_SIZE: 128 },
  statics: { NODES: 1024, LEVELS: 256 },
});

export function beamStepGrid(): Grid {
  return [1];
}

/** `stopping` of `beam-step`. */
export const STOPPING = { heuristic: 0, full: 1, never: 2 } as const;
