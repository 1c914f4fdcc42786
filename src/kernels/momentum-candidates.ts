import candidate from "../../shaders/shared/candidate.wgsl?raw";
import control from "../../shaders/shared/control.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import rowText from "../../shaders/shared/row-text.wgsl?raw";
import tree from "../../shaders/shared/tree.wgsl?raw";
import wgsl from "../../shaders/momentum-candidates.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";
import { TARGET_TREE } from "./tree-layout.ts";

/**
 * Ranks the most probable tokens of each row, as `top-candidates` leaves them, by momentum: a token that would repeat what
 * the row's text has already meets resistance. Up to 64 per row; `ranked` is sorted, as `grow-level` wants it.
 */
export const momentumCandidates = defineKernel({
  name: "momentum-candidates",
  wgsl,
  shared: [candidate, control, order, tree, rowText],
  buffers: {
    control: "read",
    tree: "read",
    history: "read",
    resistance: "read",
    sharpness: "read",
    likely: "read",
    ranked: "read_write",
    ids: "read_write",
  },
  params: {
    node_start: "u32",
    lag: "u32",
    k: "u32",
    kept: "u32",
    top_k: "u32",
    longest: "u32",
  },
  constants: { WORKGROUP_SIZE: 64 },
  statics: TARGET_TREE,
});

export function momentumCandidatesGrid(rows: number): Grid {
  return [rows];
}

/** Candidates per row at most. */
export const MOMENTUM_CAPACITY = 64;

const FORBIDDEN = 1e30;

/**
 * The kernel's table: `alpha` times each length's resistance, nothing for new tokens, and a ban on what is longer than the
 * table. With `alpha` 0 nothing is resisted.
 */
export function encodeResistance(
  alpha: number,
  resistance: readonly number[],
): Float32Array<ArrayBuffer> {
  const beyond = alpha === 0 ? 0 : FORBIDDEN;
  return Float32Array.of(0, ...resistance.map((amount) => alpha * amount), beyond);
}
