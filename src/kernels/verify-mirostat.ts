import commitRound from "../../shaders/shared/commit-round.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import noise from "../../shaders/shared/noise.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import ring from "../../shaders/shared/ring.wgsl?raw";
import surprise from "../../shaders/shared/surprise.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/verify-mirostat.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Ends a round: draws the target's own token at every node of the path that it keeps, by Mirostat. Each token moves mu,
 * and so decides among how many tokens the next one is drawn.
 */
export const verifyMirostat = defineKernel({
  name: "verify-mirostat",
  wgsl,
  shared: [control, noise, order, ring, surprise, tree, commitRound],
  buffers: {
    logits: "read",
    row_surprise: "read",
    tree: "read",
    control: "read_write",
    ring: "read_write",
    mu_state: "read_write",
    surprises: "read_write",
  },
  params: {
    nodes: "u32",
    vocab: "u32",
    version: "u32",
    truncated: "u32",
    temperature: "f32",
    tau: "f32",
    eta: "f32",
    mu_min: "f32",
    mu_max: "f32",
    rounding: "f32",
  },
  constants: { WORKGROUP_SIZE: 256, RING_ROUNDS: 32 },
  statics: { NODES: 64, LEVELS: 64 },
});

export function verifyMirostatGrid(): Grid {
  return [1];
}
