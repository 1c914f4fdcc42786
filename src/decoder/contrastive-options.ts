/** Contrastive search's options, checked, and what does not go with it. */
import { CoppiceError } from "../errors.ts";
import { CONTRASTIVE_DEFAULTS, type ResolvedContrastive } from "../options.ts";
import { checkInteger, checkNumber, checkRecord, kindOf } from "./checks.ts";

/** What the kernel has room for. */
const MOST_CANDIDATES = 16;

export function resolveContrastive(field: string, value: unknown): ResolvedContrastive {
  const options = checkRecord(field, value, ["kind", "topK", "alpha"]);
  const { topK, alpha } = CONTRASTIVE_DEFAULTS;
  return {
    topK: checkInteger(`${field}.topK`, options.topK, 2, MOST_CANDIDATES, topK),
    alpha: checkNumber(`${field}.alpha`, options.alpha, 0, 1, alpha),
  };
}

/** @throws CoppiceError `option-invalid` where `sampling` of a speculative decoder is contrastive search. */
export function checkNotContrastive(field: string, sampling: unknown): void {
  if (kindOf(sampling) !== "contrastive") return;
  throw new CoppiceError(
    "option-invalid",
    `${field}.kind is "contrastive", which a speculative decoder cannot reproduce: a token is chosen by the passes over all its rivals.`,
    'Use { kind: "contrastive" } as the decoder itself, or another sampling.',
  );
}
