/** What a round draws with and what it keeps of its tree: chosen once per session, like the tree's plan. */
import type { SamplingStages, VerifyRule } from "../options.ts";
import { NOISE } from "../model/index.ts";

/** Sampling stages with nothing left out; temperature 0 takes the most probable token. */
export type ResolvedStages = Required<SamplingStages>;

export interface RoundRules {
  readonly stages: ResolvedStages;
  readonly verify: VerifyRule;
}

export const GREEDY_RULES: RoundRules = {
  stages: { temperature: 0, topK: 0, topP: 1, minP: 0 },
  verify: "coupled",
};

/**
 * Whether drafted tokens are drawn and then rejected with some probability. At temperature 0 there is nothing to draw:
 * every rule keeps the drafted tokens that the target would have chosen.
 */
export function isRejecting({ stages, verify }: RoundRules): boolean {
  return stages.temperature > 0 && verify !== "coupled";
}

/** `noise` of `warp-rows` for the draft's rows. */
export function draftNoise(rules: RoundRules): number {
  if (rules.stages.temperature === 0) return NOISE.none;
  return isRejecting(rules) ? NOISE.own : NOISE.shared;
}
