/** How surprising each word was, against what Mirostat was asked for: a dot per word, and their running mean. */
import type { StreamToken } from "coppice";
import { byId, makeSvg } from "./dom.ts";
import { formatNumber } from "./format.ts";

/** Bits that the plot is tall; what surprises more stands at its top. */
const BITS = 10;
/** Its height where it is 100 wide; `index.html` has the same. */
const HEIGHT = 16;
/** Words that fill the plot before they stand closer. */
const SLOTS = 80;
/** Words that the running mean looks back on. */
const WINDOW = 24;

export class SurprisePlot {
  readonly #root = byId("surprise", HTMLDivElement);
  readonly #svg = byId<SVGSVGElement>("surprise-plot", SVGSVGElement);
  readonly #mean = byId("surprise-mean", HTMLSpanElement);
  readonly #surprises: number[] = [];
  #tau: number | undefined;

  /** `tau` in bits; undefined: nothing is aimed at, and there is no plot. */
  begin(tau: number | undefined): void {
    this.#tau = tau;
    this.#surprises.length = 0;
    this.#root.hidden = tau === undefined;
    this.#draw();
  }

  add(tokens: readonly StreamToken[]): void {
    if (this.#tau === undefined) return;
    for (const { surprise } of tokens) if (surprise !== undefined) this.#surprises.push(surprise);
    this.#draw();
  }

  #draw(): void {
    const surprises = this.#surprises;
    const tau = this.#tau ?? 0;
    const slots = Math.max(SLOTS, surprises.length);
    const x = (i: number) => (100 * (i + 0.5)) / slots;
    const y = (bits: number) => HEIGHT - (HEIGHT * Math.min(bits, BITS)) / BITS;
    const means = surprises.map((_, i) => {
      const window = surprises.slice(Math.max(0, i + 1 - WINDOW), i + 1);
      return window.reduce((sum, bits) => sum + bits, 0) / window.length;
    });
    const line = means.map((mean, i) => `${x(i).toFixed(2)},${y(mean).toFixed(2)}`).join(" ");
    this.#svg.replaceChildren(
      makeSvg("line", { class: "tau", x1: 0, x2: 100, y1: y(tau), y2: y(tau) }),
      ...surprises.map((bits, i) => makeSvg("circle", { cx: x(i), cy: y(bits), r: 0.6 })),
      makeSvg("polyline", { class: "mean", points: line }),
    );
    const total = surprises.reduce((sum, bits) => sum + bits, 0);
    const words =
      surprises.length === 0
        ? `asked for ${formatNumber(tau)} bits a word`
        : `${formatNumber(total / surprises.length)} bits a word, asked for ${formatNumber(tau)}`;
    this.#mean.textContent = words;
    this.#svg.setAttribute("aria-label", `Surprise: ${words}`);
  }
}
