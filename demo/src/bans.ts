/** Tokens that are never to be written: each stands as a button that lets it go again. */
import { make } from "./dom.ts";

export class Bans {
  readonly element = make("div", { className: "bans" });
  readonly #words = new Map<number, string>();
  readonly #onChange: () => void;

  constructor(onChange: () => void) {
    this.#onChange = onChange;
    this.#draw();
  }

  get ids(): readonly number[] {
    return [...this.#words.keys()];
  }

  add(id: number, word: string): void {
    this.#words.set(id, word);
    this.#draw();
    this.#onChange();
  }

  #draw(): void {
    const hint = make("span", { className: "line" }, "Click a word in the story to ban it.");
    const chips = [...this.#words].map(([id, word]) => this.#chip(id, word));
    this.element.replaceChildren(
      make("span", {}, "Banned"),
      make("div", { className: "chips" }, ...(chips.length > 0 ? chips : [hint])),
    );
  }

  #chip(id: number, word: string): HTMLButtonElement {
    const chip = make("button", { type: "button", className: "quiet" }, `${word} ×`);
    chip.setAttribute("aria-label", `Allow ${word} again`);
    chip.addEventListener("click", () => {
      this.#words.delete(id);
      this.#draw();
      this.#onChange();
    });
    return chip;
  }
}
