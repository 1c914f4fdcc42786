/** Beam search: how many texts grow side by side, and when that is over. */
import type { BeamDecoder } from "coppice";
import { lengthField, MOST_DRAFTS, MOST_LENGTH } from "./drafts-fields.ts";
import { one, type Field, type Values } from "./field.ts";

export const BEAM: readonly Field[] = [
  {
    name: "beams",
    label: "Beams",
    line: "Texts that grow side by side; the likeliest continuations live on.",
    initial: "4",
    min: 1,
    max: MOST_DRAFTS,
  },
  lengthField(24, MOST_LENGTH),
  {
    name: "groups",
    label: "Groups",
    line: "Beams that search apart, each group shunning the words of those before it.",
    initial: "1",
    min: 1,
    max: MOST_DRAFTS,
  },
  {
    name: "diversity",
    label: "Diversity",
    line: "How dear a word of another group is, in nats; without groups it has no say.",
    initial: "0.5",
    min: 0.001,
    max: 100,
    real: true,
  },
  {
    name: "lengthPenalty",
    label: "Long texts",
    line: "Above 0 long texts are favoured, below 0 short ones.",
    initial: "1",
    min: -10,
    max: 10,
    real: true,
  },
  {
    name: "earlyStopping",
    label: "Ends when",
    line: "Some texts end before others: when to stop hoping for a better one.",
    choices: ["none looks better", "as many have ended", "none can be better"],
  },
];

export function beamDecoder(values: Values): BeamDecoder {
  const groups = one(values, "groups");
  return {
    kind: "beam",
    beams: one(values, "beams"),
    groups,
    ...(groups > 1 && { diversity: one(values, "diversity") }),
    lengthPenalty: one(values, "lengthPenalty"),
    earlyStopping: ([false, true, "never"] as const)[one(values, "earlyStopping")]!,
  };
}
