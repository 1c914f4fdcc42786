/** What a round draws with and what it keeps of its tree: chosen once per session or per plan. */
import type { ResolvedMirostat, ResolvedMomentum, ResolvedStages, VerifyRule } from "../options.ts";
import { NOISE } from "../model/index.ts";
import type { TreePlan } from "./tree-plan.ts";

export interface RoundRules {
  readonly stages: ResolvedStages;
  readonly verify: VerifyRule;
  /** Whether logits are edited before the stages; by what is said at the start of each text. Default false. */
  readonly edited?: boolean;
  /** How the target draws, where it is not by the stages; these are then a temperature alone, and the rule is `coupled`. */
  readonly mirostat?: ResolvedMirostat | undefined;
  /** How tokens are chosen, where it is not by the largest logit; the temperature is then 0. */
  readonly momentum?: ResolvedMomentum | undefined;
  /** How many alternatives come with each token's log-probability; undefined: neither do. */
  readonly logProbabilities?: number | undefined;
}

/** A plan may have a rule of its own. */
export function rulesOf(rules: RoundRules, { verify = rules.verify }: TreePlan): RoundRules {
  return { ...rules, verify };
}

/**
 * The rule by which drafted tokens are drawn and then rejected with some probability, if it is one. At temperature 0 there
 * is nothing to draw: every rule keeps the drafted tokens that the target would have chosen.
 */
export function rejectingRule({
  stages,
  verify,
}: RoundRules): Exclude<VerifyRule, "coupled"> | undefined {
  return stages.temperature > 0 && verify !== "coupled" ? verify : undefined;
}

/** `noise` of `warp-rows` for the draft's rows. */
export function draftNoise(rules: RoundRules): number {
  if (rules.stages.temperature === 0) return NOISE.none;
  return rejectingRule(rules) ? NOISE.own : NOISE.shared;
}
