/** Sampling stages, checked. */
import type { ResolvedStages } from "../options.ts";
import { checkChoice, checkInteger, checkNumber, checkRecord } from "./checks.ts";

export const GREEDY_STAGES: ResolvedStages = { temperature: 0, topK: 0, topP: 1, minP: 0 };

const STAGES = ["temperature", "topK", "topP", "minP"] as const;

/** The stages of a `sample` decoder, or of `sampling`, where the kind may be left out. */
export function resolveStages(field: string, value: unknown): ResolvedStages {
  const options = checkRecord(field, value, ["kind", ...STAGES]);
  checkChoice(`${field}.kind`, options.kind, ["sample"], "sample");
  return {
    temperature: checkNumber(`${field}.temperature`, options.temperature, 0, 100, 1),
    topK: checkInteger(`${field}.topK`, options.topK, 0, 0xffff_ffff, 0),
    topP: checkNumber(`${field}.topP`, options.topP, Number.MIN_VALUE, 1, 1),
    minP: checkNumber(`${field}.minP`, options.minP, 0, 1, 0),
  };
}

/** `sampling` of the speculative decoder: greedy, or stages with or without their kind. */
export function resolveSampling(field: string, value: unknown): ResolvedStages {
  if (value === undefined) return GREEDY_STAGES;
  const { kind } = (typeof value === "object" && value !== null ? value : {}) as { kind?: unknown };
  if (kind !== undefined) checkChoice(`${field}.kind`, kind, ["greedy", "sample"]);
  if (kind !== "greedy") return resolveStages(field, value);
  checkRecord(field, value, ["kind"]);
  return GREEDY_STAGES;
}
