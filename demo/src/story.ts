/** The manuscript: the opening line, then token after token, each coloured by where it came from. */
import { make } from "./dom.ts";
import type { Round } from "./rounds.ts";
import { annotate, showNotes, type Remedies } from "./token-card.ts";
import { noteOf } from "./token-note.ts";

/** Closer to the end than this, in pixels, counts as reading along. */
const NEAR_END = 40;

export class Story {
  readonly #box: HTMLElement;
  readonly #rounds: HTMLElement[] = [];
  /** Where in the text each token begins. */
  readonly #starts = new WeakMap<Element, number>();
  #marked: HTMLElement | undefined;
  #text = "";
  #hasGrown = false;

  /** `onPick` hears of the round that is looked at; `remedies` is what can be done about a word. */
  constructor(box: HTMLElement, onPick?: (round: number) => void, remedies?: Remedies) {
    this.#box = box;
    showNotes(box, ".token", remedies);
    box.addEventListener("click", (event) => {
      const span =
        event.target instanceof Element ? event.target.closest<HTMLElement>(".round") : null;
      if (span) onPick?.(this.#rounds.indexOf(span));
    });
  }

  /** Opening line and story together: what Continue goes on from. */
  get text(): string {
    return this.#text;
  }

  /** Whether there is more than the opening line. */
  get hasGrown(): boolean {
    return this.#hasGrown;
  }

  begin(opening: string): void {
    this.#rounds.length = 0;
    this.#marked = undefined;
    this.#text = opening;
    this.#hasGrown = false;
    this.#box.replaceChildren(make("span", { className: "opening" }, opening));
  }

  append(round: Round): void {
    let start = this.#text.length;
    const element = make("span", { className: "round" });
    round.tokens.forEach((token, i) => {
      const [space, word] = inked(round, i);
      this.#starts.set(word, start);
      start += token.text.length;
      element.append(space, word);
    });
    this.#rounds.push(element);
    this.#add(element, round.tokens.map(({ text }) => text).join(""));
  }

  /** Cuts the text off before a token, and puts another text in its place. */
  branch(token: Element, text: string): void {
    const start = this.#starts.get(token);
    if (start === undefined) return;
    this.detach();
    const rest = document.createRange();
    // With the space before it, which is the token's own.
    rest.setStartBefore(token.previousSibling ?? token);
    rest.setEndAfter(this.#box.lastChild!);
    rest.deleteContents();
    this.#text = this.#text.slice(0, start);
    if (text) this.take(text);
  }

  /** What stands there stays, but its rounds can be looked at no more. */
  detach(): void {
    this.mark(undefined);
    this.#rounds.length = 0;
  }

  /** Text that was chosen among drafts. */
  take(text: string): void {
    this.#add(make("span", { className: "taken" }, text), text);
  }

  /** Marks the words of one round; undefined marks none. */
  mark(round: number | undefined): void {
    this.#marked?.classList.remove("marked");
    this.#marked = round === undefined ? undefined : this.#rounds[round];
    this.#marked?.classList.add("marked");
  }

  #add(element: HTMLElement, text: string): void {
    const box = this.#box;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    this.#text += text;
    this.#hasGrown = true;
    box.append(element);
    if (follows) box.scrollTop = box.scrollHeight;
  }
}

/** A token in its colour, and before it its space, which stays outside, so that no line is drawn under it. */
function inked(round: Round, index: number): [space: Text, word: HTMLElement] {
  const { text, origin } = round.tokens[index]!;
  const word = text.trimStart();
  const token = make("span", { className: `token ${origin}` }, word);
  annotate(token, () => noteOf(round, index));
  return [document.createTextNode(text.slice(0, text.length - word.length)), token];
}
