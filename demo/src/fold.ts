/** A part of the panel, folded to one line that says how it stands. */
import { make } from "./dom.ts";

/** One of them is open at a time, so the panel stays short. */
const GROUP = "decoder-part";

export class Fold {
  readonly element: HTMLDetailsElement;
  readonly #state = make("span", { className: "state" });

  constructor(id: string, title: string, ...content: readonly Node[]) {
    const name = make("span", { className: "part" }, title);
    const body = make("div", { className: "fold-body" }, ...content);
    const summary = make("summary", {}, name, " ", this.#state);
    this.element = make("details", { id, className: "fold", name: GROUP }, summary, body);
  }

  /** How it stands, in a few words. */
  say(words: string): void {
    this.#state.textContent = words;
  }

  use(used: boolean): void {
    this.element.hidden = !used;
  }
}
