import bestOfLanes from "../../shaders/shared/best-of-lanes.wgsl?raw";
import commitRound from "../../shaders/shared/commit-round.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import noise from "../../shaders/shared/noise.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import rejection from "../../shaders/shared/rejection.wgsl?raw";
import ring from "../../shaders/shared/ring.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/verify-paths.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Ends a round over independent paths, whose tokens at one depth stand side by side: `nodes` is 1 + `paths` times their
 * length. Rows as in `verifyRecursive`. Either rule keeps all paths that agree with what was accepted.
 */
export const verifyPaths = defineKernel({
  name: "verify-paths",
  wgsl,
  shared: [control, ring, tree, noise, order, commitRound, rejection, bestOfLanes],
  buffers: {
    target_rows: "read_write",
    draft_rows: "read_write",
    tree: "read",
    control: "read_write",
    ring: "read_write",
  },
  params: { nodes: "u32", vocab: "u32", paths: "u32", rule: "u32" },
  constants: { WORKGROUP_SIZE: 256, RING_ROUNDS: 32 },
  statics: { NODES: 64, LEVELS: 64 },
});

/** `params.rule`: multi-step speculative sampling, or SpecTr's K-SEQ. */
export const PATH_RULES = { specinfer: 0, spectr: 1 } as const;

export function verifyPathsGrid(): Grid {
  return [1];
}
