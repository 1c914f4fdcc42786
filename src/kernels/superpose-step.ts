import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import superposed from "../../shaders/shared/superposed.wgsl?raw";
import wgsl from "../../shaders/superpose-step.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/** One token more for every superposed draft, from one row of logits: scores, choices, and the next pass's mix. */
export const superposeStep = defineKernel({
  name: "superpose-step",
  wgsl,
  shared: [candidate, control, order, superposed],
  buffers: {
    logits: "read",
    candidates: "read",
    ngrams: "read",
    drafts: "read_write",
    control: "read_write",
    ring: "read_write",
  },
  params: { drafts: "u32", candidates: "u32", alpha: "f32", temperature: "f32" },
  constants: { WORKGROUP_SIZE: 128, RING_STEPS: 32 },
});

export function superposeStepGrid(): Grid {
  return [1];
}
