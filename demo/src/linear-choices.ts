/** The decoders that write one word after another, as data; the speculative one reproduces some of them. */
import type { Decoder } from "coppice";
import type { Option } from "./choice-group.ts";
import { CONTRASTIVE, contrastiveDecoder, sayContrastive } from "./contrastive-fields.ts";
import type { Field, Values } from "./field.ts";
import { MIROSTAT, mirostatDecoder, sayMirostat } from "./mirostat-fields.ts";
import { MOMENTUM, momentumDecoder, sayMomentum } from "./momentum-fields.ts";
import { SAMPLING, sampleDecoder, saySampling } from "./sampling-fields.ts";

export type Linear = Exclude<Decoder, { readonly kind: "speculative" }>;
export type LinearKind = Linear["kind"];

export interface LinearChoice extends Option<LinearKind> {
  readonly fields: readonly Field[];
  /** Whether words are drawn, so that a seed has a say. */
  readonly draws: boolean;
  readonly build: (values: Values) => Linear;
  /** How it stands, in a few words; "" where there is nothing to set. */
  readonly say: (values: Values) => string;
  /** Where the speculative decoder can reproduce it: what it is called and says there. */
  readonly way?: Omit<Option<LinearKind>, "kind">;
}

const GROUP = "One text";

export const LINEAR: readonly LinearChoice[] = [
  {
    kind: "sample",
    label: "Sample",
    line: "The target alone, one word per pass, drawn by its probability.",
    group: GROUP,
    fields: SAMPLING,
    draws: true,
    build: sampleDecoder,
    say: saySampling,
    way: { label: "By stages", line: "Words are drawn by their probability, as the stages say." },
  },
  {
    kind: "mirostat",
    label: "Mirostat",
    line: "The target alone, drawn so that the text stays as surprising as you ask.",
    group: GROUP,
    fields: MIROSTAT,
    draws: true,
    build: mirostatDecoder,
    say: sayMirostat,
    way: {
      label: "By Mirostat",
      line: "Words are drawn so that the text stays as surprising as you ask.",
    },
  },
  {
    kind: "momentum",
    label: "Momentum",
    line: "The target alone, always its likeliest word unless that would repeat what was said.",
    group: GROUP,
    fields: MOMENTUM,
    draws: false,
    build: momentumDecoder,
    say: sayMomentum,
    way: {
      label: "By momentum",
      line: "Nothing is drawn: the likeliest word, unless that would repeat what was said.",
    },
  },
  {
    kind: "contrastive",
    label: "Contrastive",
    line: "The target alone, a likely word that does not say again what was said.",
    group: GROUP,
    fields: CONTRASTIVE,
    draws: false,
    build: contrastiveDecoder,
    say: sayContrastive,
  },
  {
    kind: "greedy",
    label: "Greedy",
    line: "The target alone, one word per pass, always its likeliest.",
    group: GROUP,
    fields: [],
    draws: false,
    build: () => ({ kind: "greedy" }),
    say: () => "",
  },
];

export function linearOf(kind: LinearKind): LinearChoice {
  return LINEAR.find((choice) => choice.kind === kind)!;
}
