/** What the samples decoder was asked for, checked and with every default filled in. */
import { CoppiceError } from "../../errors.ts";
import { DEFAULT_SAMPLES, type ResolvedStages } from "../../options.ts";
import { checkInteger } from "../checks.ts";
import { resolveStages } from "../sampling-options.ts";

export interface ResolvedSamples {
  readonly count: number;
  readonly stages: ResolvedStages;
}

const MOST_SAMPLES = 10;

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolveSamples(value: object): ResolvedSamples {
  const { count, kind: _, ...stages } = value as { count?: unknown; kind: "samples" };
  const resolved = resolveStages("decoder", stages);
  if (resolved.temperature === 0) {
    throw new CoppiceError(
      "option-invalid",
      "decoder.temperature is 0, at which all samples are the same text.",
      'Set decoder.temperature above 0, or use { kind: "greedy" }.',
    );
  }
  return {
    count: checkInteger("decoder.count", count, 2, MOST_SAMPLES, DEFAULT_SAMPLES),
    stages: resolved,
  };
}
