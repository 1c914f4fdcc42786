/** The fields of the decoders that give several texts to choose from. */
import type { DraftsDecoder, DraftsOptions } from "coppice";
import { isDraftsKind, type DecoderKind } from "./decoder-choices.ts";
import { DRAFTS, draftsOf, type DraftsKind } from "./drafts-choices.ts";
import { FieldGroup, one } from "./field.ts";
import { Fold } from "./fold.ts";
import { plural } from "./format.ts";
import type { SamplingPart } from "./sampling-part.ts";

export class DraftsPart {
  readonly #sampling: SamplingPart;
  readonly #fields = new Map(
    DRAFTS.map(({ kind, fields }) => [kind, new FieldGroup(kind, fields)] as const),
  );
  readonly #fold = new Fold(
    "part-drafts",
    "Drafts",
    ...[...this.#fields.values()].map(({ element }) => element),
  );
  readonly element = this.#fold.element;
  #kind: DraftsKind = "superposed";

  /** `sampling` has the stages that samples are drawn with. */
  constructor(sampling: SamplingPart) {
    this.#sampling = sampling;
  }

  use(decoder: DecoderKind): void {
    const isUsed = isDraftsKind(decoder);
    if (isUsed) this.#kind = decoder;
    for (const [kind, group] of this.#fields) group.use(isUsed && kind === this.#kind);
    this.#fold.use(isUsed);
    this.#fold.say(`${plural(one(this.#group.read(), "length"), "word")} each`);
    this.#group.check(draftsOf(this.#kind).objection(this.#group.read()));
  }

  decoder(): DraftsDecoder {
    const choice = draftsOf(this.#kind);
    const decoder = choice.build(this.#group.read());
    return choice.isSampled
      ? ({ ...this.#sampling.stages(), ...decoder } as DraftsDecoder)
      : decoder;
  }

  /** A length of their own: drafts are read against each other, so they are short. */
  length(): Pick<DraftsOptions, "maxNewTokens"> {
    return { maxNewTokens: one(this.#group.read(), "length") };
  }

  draws(): boolean {
    return draftsOf(this.#kind).draws(this.#group.read());
  }

  say(): string {
    const { isSampled, say } = draftsOf(this.#kind);
    const words = say(this.#group.read());
    return isSampled ? `${words} · ${this.#sampling.say()}` : words;
  }

  get #group(): FieldGroup {
    return this.#fields.get(this.#kind)!;
  }
}
