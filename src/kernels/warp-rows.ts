import control from "../../shaders/shared/control.wgsl?raw";
import noise from "../../shaders/shared/noise.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import rows from "../../shaders/shared/rows.wgsl?raw";
import wgsl from "../../shaders/warp-rows.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * The sampling stages, and the noise that makes the largest number a draw: rows of logits become
 * log-probabilities of what is sampled from, plus Gumbel noise. A row without a finite logit becomes all -infinity.
 */
export const warpRows = defineKernel({
  name: "warp-rows",
  wgsl,
  shared: [control, noise, order, rows],
  buffers: { control: "read", rows: "read", logits: "read_write", log_probs: "read_write" },
  params: {
    vocab: "u32",
    first: "u32",
    temperature: "f32",
    top_k: "u32",
    top_p: "f32",
    min_p: "f32",
    noise: "u32",
    sharpness: "f32",
    keep: "u32",
    log_row: "u32",
  },
  constants: { WORKGROUP_SIZE: 256 },
});

/** `params.noise`: none, the noise draft and target share, or the draft's own. */
export const NOISE = { none: 0, shared: 1, own: 2 } as const;

export function warpRowsGrid(rows: number): Grid {
  return [rows];
}

/** A `WORKGROUP_SIZE`: every pass ends with a sum over the lanes, so few lanes suit a small vocabulary. */
export function warpRowsLanes(vocab: number): number {
  return vocab > 4096 ? 256 : 64;
}
