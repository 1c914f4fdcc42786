import bestOfLanes from "../../shaders/shared/best-of-lanes.wgsl?raw";
import commitRound from "../../shaders/shared/commit-round.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import noise from "../../shaders/shared/noise.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import rejection from "../../shaders/shared/rejection.wgsl?raw";
import ring from "../../shaders/shared/ring.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/verify-recursive.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Ends a round by recursive rejection: for trees whose siblings were drawn without replacement. Both `rows` are
 * log-probabilities of what is sampled from, -infinity for excluded tokens, and are overwritten.
 */
export const verifyRecursive = defineKernel({
  name: "verify-recursive",
  wgsl,
  shared: [control, ring, tree, noise, order, commitRound, rejection, bestOfLanes],
  buffers: {
    target_rows: "read_write",
    draft_rows: "read_write",
    tree: "read",
    control: "read_write",
    ring: "read_write",
  },
  params: { nodes: "u32", vocab: "u32" },
  constants: { WORKGROUP_SIZE: 256, RING_ROUNDS: 32 },
  statics: { NODES: 64, LEVELS: 64 },
});

export function verifyRecursiveGrid(): Grid {
  return [1];
}

/** A `WORKGROUP_SIZE` for each of the rules that reject: few lanes suit a small vocabulary. */
export function verifyLanes(vocab: number): number {
  return vocab > 4096 ? 256 : 64;
}
