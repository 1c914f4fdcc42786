/** The decoders that the page offers, as data: the panel draws whatever stands here. */
import type { Decoder, TreeOptions } from "coppice";

export interface Field {
  readonly name: string;
  readonly label: string;
  /** One line that says what it does. */
  readonly line: string;
  readonly initial: string;
  /** Whole numbers in this range; a list of them where `list` is set. */
  readonly min: number;
  readonly max: number;
  readonly list?: true;
}

/** What the visitor typed, by field name; always checked against the field before it is used. */
export type Values = Readonly<Record<string, readonly number[]>>;

export interface Choice<T> {
  readonly kind: string;
  readonly label: string;
  readonly line: string;
  readonly fields: readonly Field[];
  readonly build: (values: Values) => T;
  /** The choice in a few words, for the folded panel. */
  readonly say: (values: Values) => string;
}

const one = (values: Values, name: string): number => values[name]?.[0] ?? 0;

export const TREES: readonly Choice<TreeOptions>[] = [
  {
    kind: "best-first",
    label: "Best-first",
    line: "Grows where the draft is surest, until the budget of nodes is spent.",
    fields: [
      {
        name: "nodes",
        label: "Nodes",
        line: "How many the target reads in one pass.",
        initial: "16",
        min: 2,
        max: 64,
      },
      {
        name: "depth",
        label: "Depth",
        line: "How many words ahead a path may run.",
        initial: "5",
        min: 1,
        max: 63,
      },
      {
        name: "width",
        label: "Width",
        line: "How many guesses live on each level.",
        initial: "4",
        min: 1,
        max: 63,
      },
    ],
    build: (values) => ({
      kind: "best-first",
      nodes: one(values, "nodes"),
      depth: one(values, "depth"),
      width: one(values, "width"),
    }),
    say: (values) =>
      `a best-first tree of ${one(values, "nodes")} nodes, ${one(values, "depth")} deep`,
  },
  {
    kind: "rsd-c",
    label: "Constant branching",
    line: "Every branch of a level forks the same number of times, drawn without replacement.",
    fields: [
      {
        name: "branching",
        label: "Branching",
        line: "Children per node, level by level: 3, 2, 1 makes 1 + 3 + 6 + 6 nodes. At most 64 in all.",
        initial: "3, 2, 1, 1",
        min: 1,
        max: 63,
        list: true,
      },
    ],
    build: (values) => ({ kind: "rsd-c", branching: values["branching"] ?? [] }),
    say: (values) => `a tree that branches ${(values["branching"] ?? []).join(", ")}`,
  },
  {
    kind: "chain",
    label: "Chain",
    line: "One line of guesses: classic speculative decoding, no tree at all.",
    fields: [
      {
        name: "length",
        label: "Length",
        line: "How many words ahead it guesses.",
        initial: "4",
        min: 1,
        max: 63,
      },
    ],
    build: (values) => ({ kind: "chain", length: one(values, "length") }),
    say: (values) => `a chain of ${one(values, "length")}`,
  },
];

export interface DecoderChoice {
  readonly kind: Decoder["kind"];
  readonly label: string;
  readonly line: string;
  /** True where it needs a draft model and a tree. */
  readonly drafts: boolean;
}

export const DECODERS: readonly DecoderChoice[] = [
  {
    kind: "speculative",
    label: "Speculative",
    line: "The draft grows a tree of guesses; the target keeps what it would have written anyway.",
    drafts: true,
  },
  {
    kind: "greedy",
    label: "Greedy",
    line: "The target alone, one word per pass, always its likeliest.",
    drafts: false,
  },
];
