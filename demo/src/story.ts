/** The manuscript: the opening line, then token after token, each coloured by where it came from. */
import type { StreamToken } from "coppice";
import { make } from "./dom.ts";
import { confidenceOf, type Round } from "./rounds.ts";

/** Closer to the end than this, in pixels, counts as reading along. */
const NEAR_END = 40;

export class Story {
  readonly #box: HTMLElement;
  readonly #rounds: HTMLElement[] = [];
  #marked: HTMLElement | undefined;
  #text = "";

  constructor(box: HTMLElement, onPick?: (round: number) => void) {
    this.#box = box;
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

  get hasRounds(): boolean {
    return this.#rounds.length > 0;
  }

  begin(opening: string): void {
    this.#rounds.length = 0;
    this.#marked = undefined;
    this.#text = opening;
    this.#box.replaceChildren(make("span", { className: "opening" }, opening));
  }

  append(round: Round): void {
    const element = make(
      "span",
      { className: "round" },
      ...round.tokens.flatMap((token, i) => inked(token, confidenceOf(round, i))),
    );
    const box = this.#box;
    const follows = box.scrollHeight - box.scrollTop - box.clientHeight < NEAR_END;
    this.#rounds.push(element);
    this.#text += round.tokens.map(({ text }) => text).join("");
    box.append(element);
    if (follows) box.scrollTop = box.scrollHeight;
  }

  /** Marks the words of one round; undefined marks none. */
  mark(round: number | undefined): void {
    this.#marked?.classList.remove("marked");
    this.#marked = round === undefined ? undefined : this.#rounds[round];
    this.#marked?.classList.add("marked");
  }
}

/** A token in its colour; the space before it stays outside, so that no line is drawn under it. */
function inked({ text, origin }: StreamToken, confidence: number | undefined): (Node | string)[] {
  const word = text.trimStart();
  const title =
    confidence === undefined
      ? origin
      : `${origin}: the draft was ${Number((confidence * 100).toPrecision(2))} % sure of it`;
  const space = text.slice(0, text.length - word.length);
  return [space, make("span", { className: `token ${origin}`, title }, word)];
}
