/** Momentum decoding, checked. */
import type { ResolvedMomentum, ResolvedStages } from "../options.ts";
import { checkInteger, checkNumber, checkRecord, invalid } from "./checks.ts";
import { GREEDY_STAGES } from "./sampling-options.ts";

const FIELDS = ["kind", "topK", "alpha", "resistance"] as const;
/** The paper's, for GPT2-XL. */
const RESISTANCE = [1, 2, 3, 4, 5] as const;
const MOST_LENGTHS = 16;
const MOST_CANDIDATES = 64;

/** A decoder that chooses by momentum; it draws nothing. */
export interface MomentumSampling {
  readonly stages: ResolvedStages;
  readonly momentum: ResolvedMomentum;
}

/** @throws CoppiceError `option-invalid` or `option-unknown`. */
export function resolveMomentum(field: string, value: unknown): MomentumSampling {
  const options = checkRecord(field, value, FIELDS);
  const momentum = {
    topK: checkInteger(`${field}.topK`, options.topK, 2, MOST_CANDIDATES, 5),
    alpha: checkNumber(`${field}.alpha`, options.alpha, 0, 100, 0.2),
    resistance: resolveResistance(`${field}.resistance`, options.resistance),
  };
  return { stages: GREEDY_STAGES, momentum };
}

function resolveResistance(field: string, value: unknown): readonly number[] {
  if (value === undefined) return RESISTANCE;
  if (!Array.isArray(value) || value.length < 1 || value.length > MOST_LENGTHS) {
    throw invalid(field, value, `a list of 1 to ${MOST_LENGTHS} numbers`);
  }
  return value.map((amount: unknown, i) => {
    if (amount === undefined) throw invalid(`${field}[${i}]`, amount, "a number");
    return checkNumber(`${field}[${i}]`, amount, 0, 1000, 0);
  });
}
