/** The kinds of decoder that the page offers, as data: the panel draws whatever stands here. */
import type { Decoder } from "coppice";
import type { Option } from "./choice-group.ts";

export interface DecoderChoice extends Option<Decoder["kind"]> {
  /** True where it needs a draft model and a tree. */
  readonly drafts: boolean;
  /** True where tokens may be drawn, so that a temperature and a seed have a say. */
  readonly draws: boolean;
}

/** The first is chosen; without a draft, the first that needs none. */
export const DECODERS: readonly [DecoderChoice, ...DecoderChoice[]] = [
  {
    kind: "speculative",
    label: "Speculative",
    line: "The draft grows a tree of guesses; the target keeps what it would have written anyway.",
    drafts: true,
    draws: true,
  },
  {
    kind: "sample",
    label: "Sample",
    line: "The target alone, one word per pass, drawn by its probability.",
    drafts: false,
    draws: true,
  },
  {
    kind: "mirostat",
    label: "Mirostat",
    line: "The target alone, drawn so that the text stays as surprising as you ask.",
    drafts: false,
    draws: true,
  },
  {
    kind: "greedy",
    label: "Greedy",
    line: "The target alone, one word per pass, always its likeliest.",
    drafts: false,
    draws: false,
  },
];
