/** What the fields of all decoders of drafts have in common. */
import type { Field } from "./field.ts";

export const MOST_DRAFTS = 10;
/** Words of a beam or a sample. */
export const MOST_LENGTH = 255;

export function lengthField(initial: number, max: number): Field {
  return {
    name: "length",
    label: "Length",
    line: "How many words every draft may have.",
    initial: String(initial),
    min: 1,
    max,
  };
}
