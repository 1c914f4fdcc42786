import candidate from "../../shaders/shared/candidate.wgsl?raw";
import order from "../../shaders/shared/order.wgsl?raw";
import wgsl from "../../shaders/top-candidates.wgsl?raw";
import { defineKernel, type Grid } from "../gpu/index.ts";

/**
 * The draft's `k` most probable tokens at each row, best first, `k` at most `vocab`; their probabilities are those of a
 * temperature of 1 / `sharpness`, which is a buffer because it may change from round to round.
 */
export const topCandidates = defineKernel({
  name: "top-candidates",
  wgsl,
  shared: [order, candidate],
  buffers: { logits: "read", sharpness: "read", candidates: "read_write" },
  params: { vocab: "u32", k: "u32" },
  constants: { WORKGROUP_SIZE: 256 },
});

export function topCandidatesGrid(rows: number): Grid {
  return [rows];
}

/**
 * A `WORKGROUP_SIZE`. The lanes' bests are ranked among each other, so their number counts squared; but
 * with few more lanes than `k` the cut lies so low that the short list overflows.
 */
export function topCandidatesLanes(vocab: number, k: number): number {
  if (vocab > 4096) return 256;
  return k > 16 ? 128 : 64;
}
