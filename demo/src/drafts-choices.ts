/** The decoders that give several texts to choose from, as data. */
import type { DraftsDecoder } from "coppice";
import { BEAM, beamDecoder } from "./beam-fields.ts";
import type { Option } from "./choice-group.ts";
import { lengthField, MOST_DRAFTS, MOST_LENGTH } from "./drafts-fields.ts";
import { one, type Field, type Values } from "./field.ts";
import { plural } from "./format.ts";
import { SUPERPOSED, superposedDecoder } from "./superposed-fields.ts";

export type DraftsKind = DraftsDecoder["kind"];

export interface DraftsChoice extends Option<DraftsKind> {
  readonly fields: readonly Field[];
  /** Whether the stages of sampling have a say: then `build` leaves them out, to be added. */
  readonly isSampled: boolean;
  readonly build: (values: Values) => DraftsDecoder;
  /** Whether a seed has a say. */
  readonly draws: (values: Values) => boolean;
  /** How it stands, in a few words. */
  readonly say: (values: Values) => string;
  /** What is wrong with the numbers together; "" where nothing is. */
  readonly objection: (values: Values) => string;
}

const GROUP = "Drafts";
/** Words that all texts side by side have together. */
const MOST_WORDS = 1023;

const SAMPLES: readonly Field[] = [
  {
    name: "count",
    label: "Samples",
    line: "Texts drawn side by side, each the very one that its own seed gives alone.",
    initial: "4",
    min: 2,
    max: MOST_DRAFTS,
  },
  lengthField(40, MOST_LENGTH),
];

export const DRAFTS: readonly DraftsChoice[] = [
  {
    kind: "superposed",
    label: "Superposed",
    line: "Several short drafts from one pass per word: good for suggestions.",
    group: GROUP,
    fields: SUPERPOSED,
    isSampled: false,
    build: superposedDecoder,
    draws: (values) => one(values, "every") > 0 && one(values, "pick") === 1,
    say: (values) => sayDrafts(values, "drafts", "superposed draft"),
    objection: (values) =>
      values["candidates"]?.length && one(values, "candidates") < one(values, "drafts")
        ? "There must be at least as many candidates as drafts."
        : "",
  },
  {
    kind: "beam",
    label: "Beams",
    line: "The texts that the target finds likeliest as a whole, not word by word.",
    group: GROUP,
    fields: BEAM,
    isSampled: false,
    build: beamDecoder,
    draws: () => false,
    say: (values) => sayDrafts(values, "beams", "beam"),
    objection: (values) =>
      one(values, "beams") % one(values, "groups") === 0
        ? tooLong(values, "beams")
        : "The beams must divide into the groups without a rest.",
  },
  {
    kind: "samples",
    label: "Samples",
    line: "Several texts drawn at once, to see what else the dice might have given.",
    group: GROUP,
    fields: SAMPLES,
    isSampled: true,
    build: (values) => ({ kind: "samples", count: one(values, "count") }),
    draws: () => true,
    say: (values) => sayDrafts(values, "count", "sample"),
    objection: (values) => tooLong(values, "count"),
  },
];

export function draftsOf(kind: DraftsKind): DraftsChoice {
  return DRAFTS.find((choice) => choice.kind === kind)!;
}

function sayDrafts(values: Values, count: string, name: string): string {
  return `${plural(one(values, count), name)} of ${plural(one(values, "length"), "word")}`;
}

function tooLong(values: Values, count: string): string {
  const most = Math.floor(MOST_WORDS / Math.max(1, one(values, count)));
  if (one(values, "length") <= most) return "";
  return `There is room for ${MOST_WORDS} words together: ${most} for each of so many.`;
}
