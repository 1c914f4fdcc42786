/** What the visitor asks for: the opening line, the decoder, how long, by which seed, and what else is to be known. */
import type { Decoder, DraftsOptions, Engine } from "coppice";
import { givesDrafts } from "./decoder-choices.ts";
import { DecoderPanel, type PanelState } from "./decoder-panel.ts";
import { byId } from "./dom.ts";
import { Seed } from "./seed.ts";
import type { WritingRequest } from "./writing.ts";

/** Tokens of one writing. */
const LONGEST = 4096;
/** Alternatives of every word that are shown. */
const ALTERNATIVES = 5;

export class Form {
  readonly #form = byId("composer", HTMLFormElement);
  readonly prompt = byId("prompt", HTMLTextAreaElement);
  readonly #maxNewTokens = byId("max-new-tokens", HTMLInputElement);
  readonly #timings = byId("timings", HTMLInputElement);
  readonly #probabilities = byId("probabilities", HTMLInputElement);
  readonly #seed = new Seed();
  readonly #decoders: DecoderPanel;
  #contextLength: number | undefined;

  /** `onChange` hears that another decoder was chosen; `onSubmit`, that all is as it should be. */
  constructor(onChange: () => void, onSubmit: () => void) {
    this.#decoders = new DecoderPanel((state) => this.#adapt(state));
    this.#form.addEventListener("input", onChange);
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      onSubmit();
    });
    this.prompt.addEventListener("keydown", ({ key, ctrlKey, metaKey }) => {
      if (key === "Enter" && (ctrlKey || metaKey)) this.#form.requestSubmit();
    });
  }

  get state(): PanelState {
    return this.#decoders.state;
  }

  /** The surprise that words are drawn for, in bits, if any. */
  get tau(): number | undefined {
    const decoder = this.#decoders.decoder();
    const linear = decoder.kind === "speculative" ? decoder.sampling : decoder;
    return linear && "kind" in linear && linear.kind === "mirostat" ? linear.tau : undefined;
  }

  /** The limits of what was loaded. */
  use({ facts }: Engine): void {
    this.#contextLength = facts.contextLength;
    this.#decoders.setHasDraft(facts.draft !== undefined);
  }

  /** From now on this token is not written. */
  ban(id: number, word: string): void {
    this.#decoders.ban(id, word);
  }

  /** The browser points at what will not do. */
  isValid(): boolean {
    return this.#form.reportValidity();
  }

  /** One text that follows `prompt`, with a decoder that gives no drafts. */
  request(prompt: string, signal: AbortSignal): WritingRequest {
    const maxNewTokens = this.#maxNewTokens.valueAsNumber;
    const asks = this.#probabilities.checked && !this.#probabilities.disabled;
    return {
      prompt,
      decoder: this.#decoders.decoder() as Decoder,
      ...this.#decoders.options(maxNewTokens),
      ...(asks && { logProbabilities: ALTERNATIVES }),
      seed: this.#seed.value,
      timings: this.#timings.checked,
      maxNewTokens,
      signal,
    };
  }

  /** Undefined where the decoder gives one text. */
  draftsOptions(): DraftsOptions | undefined {
    const decoder = this.#decoders.decoder();
    if (!givesDrafts(decoder)) return undefined;
    const seed = this.state.draws ? { seed: this.#seed.value } : {};
    return { decoder, ...this.#decoders.draftsOptions(), ...seed };
  }

  /** The rest of the form follows the decoder. */
  #adapt({ draws, drafts, slides }: PanelState): void {
    this.#seed.enable(draws);
    this.#probabilities.disabled = drafts;
    this.#maxNewTokens.disabled = drafts;
    // No more can be asked for than the model holds, unless it may forget.
    const most = slides ? LONGEST : (this.#contextLength ?? LONGEST);
    this.#maxNewTokens.max = String(most);
    if (this.#maxNewTokens.valueAsNumber > most) this.#maxNewTokens.value = String(most);
  }
}
