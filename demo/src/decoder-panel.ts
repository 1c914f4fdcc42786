/** The decoder's part of the form: draws the choices, and reads them back as the library wants them. */
import type { Decoder, DraftsDecoder, DraftsOptions } from "coppice";
import { ChoiceGroup } from "./choice-group.ts";
import { DECODERS, isDraftsKind } from "./decoder-choices.ts";
import { byId } from "./dom.ts";
import { DraftsPart } from "./drafts-part.ts";
import { EditsPart, type EditOptions } from "./edits-part.ts";
import { PacePart, type PaceOptions } from "./pace-part.ts";
import { SamplingPart } from "./sampling-part.ts";
import { SpeculationPart } from "./speculation-part.ts";

/** What of the rest of the form has a say. */
export interface PanelState {
  /** Tokens are drawn, so that a seed has one. */
  readonly draws: boolean;
  /** The decoder gives a set of drafts, which have a length of their own. */
  readonly drafts: boolean;
  /** The speculative decoder writes the same text. */
  readonly canRace: boolean;
  /** The text may be longer than the context. */
  readonly slides: boolean;
}

export class DecoderPanel {
  readonly #root = byId("decoder-fields", HTMLDivElement);
  readonly #summary = byId("decoder-summary", HTMLSpanElement);
  readonly #onChange: (state: PanelState) => void;

  readonly #kinds = new ChoiceGroup("Kind", "decoder", DECODERS);
  readonly #sampling = new SamplingPart();
  readonly #drafts = new DraftsPart(this.#sampling);
  readonly #speculation = new SpeculationPart();
  readonly #edits = new EditsPart(() => this.#update());
  readonly #pace = new PacePart();

  /** `onChange` hears of every change. */
  constructor(onChange: (state: PanelState) => void) {
    this.#onChange = onChange;
    this.#root.append(
      this.#kinds.element,
      this.#drafts.element,
      this.#sampling.element,
      ...this.#speculation.elements,
      ...this.#edits.elements,
      this.#pace.element,
    );
    this.#root.addEventListener("input", () => this.#update());
    // The browser cannot point at a field that is folded away. Invalid events do not bubble.
    this.#root.addEventListener("invalid", (event) => unfold(event.target), { capture: true });
    this.#update();
  }

  get state(): PanelState {
    const drafts = isDraftsKind(this.#kinds.chosen);
    const draws = drafts ? this.#drafts.draws() : this.#sampling.draws;
    const canRace = !drafts && this.#sampling.speculates;
    const slides = !drafts && this.#edits.slides;
    return { draws, drafts, canRace, slides };
  }

  /** The speculative decoder needs a draft; without one only the others can be chosen. */
  setHasDraft(hasDraft: boolean): void {
    this.#kinds.offer((kind) => hasDraft || kind !== "speculative");
    this.#update();
  }

  /** The decoder as the API wants it. */
  decoder(): Decoder | DraftsDecoder {
    const kind = this.#kinds.chosen;
    if (isDraftsKind(kind)) return this.#drafts.decoder();
    const linear = this.#sampling.linear();
    return kind === "speculative" ? this.#speculation.decoder(linear) : linear;
  }

  /** What goes with a decoder of one text. */
  options(maxNewTokens: number): PaceOptions & EditOptions {
    return { ...this.#pace.options(), ...this.#edits.options(maxNewTokens) };
  }

  /** What goes with a decoder of drafts. */
  draftsOptions(): Pick<DraftsOptions, "maxNewTokens" | "roundsPerReadback"> {
    const { roundsPerReadback } = this.#pace.options();
    const pace = roundsPerReadback === undefined ? {} : { roundsPerReadback };
    return { ...this.#drafts.length(), ...pace };
  }

  /** From now on this token is not written. */
  ban(id: number, word: string): void {
    this.#edits.ban(id, word);
  }

  #update(): void {
    const kind = this.#kinds.chosen;
    const speculates = kind === "speculative";
    this.#sampling.use(kind);
    this.#drafts.use(kind);
    this.#speculation.use(speculates, this.#sampling.linear().kind);
    this.#edits.use(!isDraftsKind(kind));
    this.#pace.use(speculates);
    this.#summary.textContent = this.#say();
    this.#onChange(this.state);
  }

  #say(): string {
    const kind = this.#kinds.chosen;
    if (isDraftsKind(kind)) return this.#drafts.say();
    const head = kind === "speculative" ? this.#speculation.say() : kind;
    return [head, this.#sampling.say(), this.#edits.say()].filter(Boolean).join(" · ");
  }
}

function unfold(target: EventTarget | null): void {
  let element = target instanceof Element ? target : null;
  for (; element; element = element.parentElement) {
    if (element instanceof HTMLDetailsElement) element.open = true;
  }
}
