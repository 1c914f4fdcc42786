/** Suggestions while the opening is written: superposed drafts to pick from, each pick asking for the next. */
import { CoppiceError, type Draft, type DraftsStream, type Engine } from "coppice";
import { byId, make } from "./dom.ts";

/** Milliseconds of rest before the model is asked. */
const REST = 350;
const DRAFTS = 3;
const TOKENS = 6;

export class Suggestions {
  readonly #prompt: HTMLTextAreaElement;
  readonly #wanted = byId("suggest", HTMLInputElement);
  readonly #list = byId("suggestions", HTMLOListElement);
  readonly #onError: (error: unknown) => void;
  #engine: Engine | undefined;
  #stream: DraftsStream | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(prompt: HTMLTextAreaElement, onError: (error: unknown) => void) {
    this.#prompt = prompt;
    this.#onError = onError;
    prompt.addEventListener("input", () => this.#ask());
    this.#wanted.addEventListener("input", () => this.#ask());
    prompt.addEventListener("keydown", (event) => {
      const pick = this.#list.querySelectorAll("button")[Number(event.key) - 1];
      if (!event.altKey || !pick) return;
      event.preventDefault();
      pick.click();
    });
  }

  /** Undefined while there is no engine that could answer. */
  use(engine: Engine | undefined): void {
    this.#engine = engine;
    this.stop();
  }

  /** Ends what is asked and clears the list: the engine has other work. */
  stop(): void {
    clearTimeout(this.#timer);
    void this.#stream?.return?.();
    this.#stream = undefined;
    this.#list.replaceChildren();
  }

  #ask(): void {
    this.stop();
    this.#list.hidden = !this.#wanted.checked;
    if (!this.#wanted.checked || !this.#engine) return;
    this.#timer = setTimeout(() => {
      const decoder = { kind: "superposed", drafts: DRAFTS, maxDraftTokens: TOKENS } as const;
      void this.#show(this.#engine!.generate(this.#prompt.value, { decoder }));
    }, REST);
  }

  async #show(stream: DraftsStream): Promise<void> {
    this.#stream = stream;
    try {
      for await (const part of stream) {
        if (stream !== this.#stream) return;
        if (part.type === "drafts") this.#list.replaceChildren(...this.#items(part.drafts));
      }
    } catch (error) {
      if (CoppiceError.from(error).code !== "aborted") this.#onError(error);
    }
  }

  #items(drafts: readonly Draft[]): HTMLLIElement[] {
    return drafts.map((draft, i) => {
      const button = make("button", { type: "button", className: "quiet" }, draft.text.trim());
      button.title = `Take it (Alt+${i + 1})`;
      button.addEventListener("click", () => this.#take(draft));
      return make("li", {}, button);
    });
  }

  /** What was picked is in the cache already: the next suggestions go on from its tokens. */
  #take(draft: Draft): void {
    const stream = this.#stream;
    if (!stream) return;
    this.#prompt.value += draft.text;
    this.#list.replaceChildren();
    this.#prompt.focus();
    void this.#show(stream.accept(draft));
  }
}
