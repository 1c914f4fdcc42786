/** All rounds as a strip of bars, like year rings: one per round, as tall as the tokens it gave. Also a slider. */
import { byId, makeSvg } from "./dom.ts";
import type { Growth } from "./rounds.ts";

/** Rounds that fill the strip before its bars grow narrower. */
const SLOTS = 64;
/** Tokens that fill its height before the bars grow shorter. */
const TOKENS = 5;

/** Where the bars stand, from the top in SVG units: one more than a round can give. */
const GROUND = 65;

export class RoundStrip {
  readonly #range = byId("round-range", HTMLInputElement);
  readonly #svg = byId<SVGSVGElement>("round-strip", SVGSVGElement);
  readonly #bars: SVGElement[] = [];
  #selected: SVGElement | undefined;
  #tallest = TOKENS;

  constructor(onPick: (round: number) => void) {
    this.#svg.setAttribute("preserveAspectRatio", "none");
    this.#range.addEventListener("input", () => onPick(this.#range.valueAsNumber));
    this.clear();
  }

  clear(): void {
    this.#bars.length = 0;
    this.#tallest = TOKENS;
    this.#svg.replaceChildren();
    this.#resize();
  }

  add(round: Growth): void {
    const x = this.#bars.length;
    const accepted = round.tokens.filter(({ origin }) => origin === "accepted").length;
    // Drafts grow by a word each.
    const others = round.tokens.length - accepted + (round.drafts ?? 0);
    const last = round.tokens.at(-1)?.origin ?? "plain";
    const bar = makeSvg("g", {}, ...stack(x, [accepted, "accepted"], [others, last]));
    this.#tallest = Math.max(this.#tallest, accepted + others);
    this.#bars.push(bar);
    this.#svg.append(bar);
    this.#resize();
  }

  select(round: number): void {
    this.#selected?.classList.remove("selected");
    this.#selected = this.#bars[round];
    this.#selected?.classList.add("selected");
    if (round >= 0) this.#range.value = String(round);
  }

  #resize(): void {
    const count = this.#bars.length;
    const slots = Math.max(SLOTS, count);
    this.#svg.setAttribute("viewBox", `0 ${GROUND - this.#tallest} ${slots} ${this.#tallest}`);
    this.#range.max = String(Math.max(0, count - 1));
    this.#range.disabled = count === 0;
    // The slider covers just the bars, so that its ends are the first and the last round.
    this.#range.style.width = `${(100 * Math.max(count, 1)) / slots}%`;
  }
}

/** Parts of a bar, one upon the other, from the ground up. */
function stack(
  x: number,
  ...parts: readonly (readonly [tokens: number, className: string])[]
): SVGElement[] {
  let top = GROUND;
  return parts.map(([tokens, className]) => {
    top -= tokens;
    return makeSvg("rect", { class: className, x: x + 0.15, y: top, width: 0.7, height: tokens });
  });
}
