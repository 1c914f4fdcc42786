import commitRound from "../../shaders/shared/commit-round.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import ring from "../../shaders/shared/ring.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/verify-match.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * Ends a round: accepts the path on which every node is the token the target gave at its parent.
 * Where `ids` come from does not matter: an argmax, or a sampler that draws once per node.
 */
export const verifyMatch = defineKernel({
  name: "verify-match",
  wgsl,
  shared: [control, ring, tree, commitRound],
  buffers: { ids: "read", tree: "read", control: "read_write", ring: "read_write" },
  params: { nodes: "u32" },
  constants: { WORKGROUP_SIZE: 64, RING_ROUNDS: 32 },
  statics: { NODES: 64, LEVELS: 64 },
});

export function verifyMatchGrid(): Grid {
  return [1];
}
