/** The kinds of decoder that the page offers, as data: the panel draws whatever stands here. */
import type { Decoder, DraftsDecoder } from "coppice";
import type { Option } from "./choice-group.ts";
import { DRAFTS, type DraftsKind } from "./drafts-choices.ts";
import { LINEAR, type LinearKind } from "./linear-choices.ts";

export type DecoderKind = Decoder["kind"] | DraftsKind;

/** The first is chosen; without a draft model, the first that needs none. */
export const DECODERS: readonly [Option<DecoderKind>, ...Option<DecoderKind>[]] = [
  {
    kind: "speculative",
    label: "Speculative",
    line: "The draft grows a tree of guesses; the target keeps what it would have written anyway.",
    group: "One text",
  },
  ...LINEAR,
  ...DRAFTS,
];

export function isDraftsKind(kind: DecoderKind): kind is DraftsKind {
  return DRAFTS.some((choice) => choice.kind === kind);
}

export function isLinearKind(kind: DecoderKind): kind is LinearKind {
  return LINEAR.some((choice) => choice.kind === kind);
}

/** Whether a decoder gives a set of drafts rather than one text. */
export function givesDrafts(decoder: Decoder | DraftsDecoder): decoder is DraftsDecoder {
  return isDraftsKind(decoder.kind);
}
