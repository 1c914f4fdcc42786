/** Superposed Decoding: how many drafts, and what tells which word continues which. */
import type { NgramSource, SuperposedDecoder } from "coppice";
import { lengthField, MOST_DRAFTS } from "./drafts-fields.ts";
import { given, one, type Field, type Values } from "./field.ts";

const NGRAMS: readonly (readonly NgramSource[] | undefined)[] = [
  undefined,
  ["prompt"],
  ["model", "prompt"],
  [],
];

export const SUPERPOSED: readonly Field[] = [
  {
    name: "drafts",
    label: "Drafts",
    line: "All of them for the price of one: each pass reads a blend of their last words.",
    initial: "3",
    min: 2,
    max: MOST_DRAFTS,
  },
  lengthField(10, 256),
  {
    name: "ngrams",
    label: "N-grams",
    line: "What tells which word continues which draft: counts of words that followed words.",
    choices: ["the model’s", "of the text", "both", "none"],
  },
  {
    name: "alpha",
    label: "Their share",
    line: "Of a draft's score, against the model's: 0 leaves all to the model.",
    initial: "0.54",
    min: 0,
    max: 1,
    real: true,
  },
  {
    name: "lambdas",
    label: "Orders",
    line: "How much pairs of words count, threes, fours and so on.",
    initial: "0.01, 0.04, 0.15, 0.18, 0.12",
    min: 0,
    max: 1,
    list: true,
    real: true,
  },
  {
    name: "temperature",
    label: "Temperature",
    line: "Low: the best draft makes up nearly all of the blend. High: all have a part.",
    initial: "0.06",
    min: 0.001,
    max: 100,
    real: true,
  },
  {
    name: "candidates",
    label: "Candidates",
    line: "Words that drafts choose from at each place.",
    initial: "",
    min: 2,
    max: 64,
    blank: "auto",
  },
  {
    name: "every",
    label: "Fresh start",
    line: "After so many words all drafts go on from one, which keeps long ones whole.",
    initial: "",
    min: 1,
    max: 256,
    blank: "never",
  },
  {
    name: "pick",
    label: "Start from",
    line: "Which draft the others give way to.",
    choices: ["the best", "one drawn"],
  },
];

export function superposedDecoder(values: Values): SuperposedDecoder {
  const ngrams = NGRAMS[one(values, "ngrams")];
  const every = one(values, "every");
  const pick = one(values, "pick") === 1 ? "sample" : "best";
  return {
    kind: "superposed",
    drafts: one(values, "drafts"),
    maxDraftTokens: one(values, "length"),
    ...(ngrams && { ngrams }),
    // Without n-grams their share has no meaning, and is not asked for.
    ...(ngrams?.length !== 0 && { alpha: one(values, "alpha") }),
    lambdas: values["lambdas"] ?? [],
    temperature: one(values, "temperature"),
    ...given(values, "candidates"),
    ...(every > 0 && { reset: { every, pick } }),
  };
}
