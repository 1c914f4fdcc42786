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
    order: "u32",
    temperature: "f32",
    top_k: "u32",
    top_p: "f32",
    min_p: "f32",
    typical_p: "f32",
    n_sigma: "f32",
    noise: "u32",
    keep: "u32",
    log_row: "u32",
  },
  constants: { WORKGROUP_SIZE: 256 },
});

/** `params.noise`: none, the noise draft and target share, the draft's own, or for row r the shared noise of seed + r. */
export const NOISE = { none: 0, shared: 1, own: 2, seeded: 3 } as const;

/** A stage's number in `params.order`, and whether its value, rounded to f32, leaves it out. */
const STAGES = {
  temperature: { number: 1, isOff: (value: number) => value === 1 },
  topK: { number: 2, isOff: (value: number) => value === 0 },
  topP: { number: 3, isOff: (value: number) => value >= 1 },
  minP: { number: 4, isOff: (value: number) => value === 0 },
  typicalP: { number: 5, isOff: (value: number) => value >= 1 },
  topNSigma: { number: 6, isOff: (value: number) => value === 0 },
} as const;

/** Each stage's value, as the options have them, and the order they run in. */
export type WarpStages = Readonly<Record<keyof typeof STAGES, number>> & {
  readonly order: readonly (keyof typeof STAGES)[];
};

/** The stages as parameters. One that is off takes no pass. */
export function warpParams(stages: WarpStages) {
  const on = stages.order.filter((name) => !STAGES[name].isOff(Math.fround(stages[name])));
  return {
    order: on.reduceRight((word, name) => word * 16 + STAGES[name].number, 0),
    temperature: stages.temperature,
    top_k: stages.topK,
    top_p: stages.topP,
    min_p: stages.minP,
    typical_p: stages.typicalP,
    n_sigma: stages.topNSigma,
  };
}

export function warpRowsGrid(rows: number): Grid {
  return [rows];
}

/** A `WORKGROUP_SIZE`: every pass ends with a sum over the lanes, so few lanes suit a small vocabulary. */
export function warpRowsLanes(vocab: number): number {
  return vocab > 4096 ? 256 : 64;
}
