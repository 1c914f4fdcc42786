/** What the beam decoder was asked for, checked and with every default filled in. */
import { CoppiceError } from "../../errors.ts";
import { BEAM_DEFAULTS, type BeamDecoder } from "../../options.ts";
import type { BeamRules } from "../../tree/beam-steps.ts";
import { checkInteger, checkNumber, checkRecord, invalid } from "../checks.ts";

export interface ResolvedBeam extends BeamRules {
  readonly groups: number;
  /** Beams per group. */
  readonly width: number;
}

const FIELDS = [
  "kind",
  "beams",
  "groups",
  "diversity",
  "lengthPenalty",
  "earlyStopping",
] as const satisfies readonly (keyof BeamDecoder)[];

const MOST_BEAMS = 10;

/** @throws CoppiceError `option-unknown` or `option-invalid`. `ends`: how many token ids end a text. */
export function resolveBeam(
  value: object,
  { vocabSize, ends }: { readonly vocabSize: number; readonly ends: number },
): ResolvedBeam {
  const options = checkRecord("decoder", value, FIELDS);
  const beams = checkInteger("decoder.beams", options.beams, 1, MOST_BEAMS, BEAM_DEFAULTS.beams);
  const groups = checkInteger("decoder.groups", options.groups, 1, beams, BEAM_DEFAULTS.groups);
  if (beams % groups !== 0) {
    throw new CoppiceError(
      "option-invalid",
      `decoder.groups is ${groups}, which does not divide decoder.beams, ${beams}.`,
      "Give every group as many beams: 6 beams make 1, 2, 3 or 6 groups.",
    );
  }
  if (options.diversity !== undefined && groups === 1) {
    throw new CoppiceError(
      "option-invalid",
      "decoder.diversity is given, but there is one group, and nothing for it to differ from.",
      "Set decoder.groups to 2 or more, or leave decoder.diversity out.",
    );
  }
  if (vocabSize < beams * (1 + ends)) {
    throw new CoppiceError(
      "option-invalid",
      `decoder.beams is ${beams}, but the vocabulary has only ${vocabSize} tokens.`,
      "Ask for fewer beams.",
    );
  }
  const { earlyStopping: early = BEAM_DEFAULTS.earlyStopping } = options;
  if (early !== true && early !== false && early !== "never") {
    throw invalid("decoder.earlyStopping", early, 'true, false or "never"');
  }
  const { lengthPenalty } = BEAM_DEFAULTS;
  const diversity = checkNumber(
    "decoder.diversity",
    options.diversity,
    Number.MIN_VALUE,
    100,
    BEAM_DEFAULTS.diversity,
  );
  return {
    groups,
    width: beams / groups,
    diversity: groups > 1 ? diversity : 0,
    lengthPenalty: checkNumber(
      "decoder.lengthPenalty",
      options.lengthPenalty,
      -10,
      10,
      lengthPenalty,
    ),
    earlyStopping: early,
  };
}
