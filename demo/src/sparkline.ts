/** A number's way so far, as a line no larger than a word. */
import { makeSvg } from "./dom.ts";

/** Points that are kept: about as many as there are pixels. */
const POINTS = 72;
/** Points that fill the line before they stand closer. */
const SLOTS = 16;
const HEIGHT = 16;

export class Sparkline {
  readonly element = makeSvg("svg", {
    class: "sparkline",
    preserveAspectRatio: "none",
    "aria-hidden": "true",
  });
  readonly #line = makeSvg("polyline");
  #values: number[] = [];

  constructor() {
    this.element.append(this.#line);
    this.#draw();
  }

  clear(): void {
    this.#values = [];
    this.#draw();
  }

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > POINTS) this.#values.shift();
    this.#draw();
  }

  /** From 0 up to the largest, so that a line that looks steady is. */
  #draw(): void {
    const most = Math.max(...this.#values, Number.MIN_VALUE);
    const y = (value: number) => (1 + (HEIGHT - 2) * (1 - value / most)).toFixed(2);
    const slots = Math.max(SLOTS, this.#values.length);
    this.element.setAttribute("viewBox", `0 0 ${slots} ${HEIGHT}`);
    const points = this.#values.map((value, i) => `${i + 0.5},${y(value)}`);
    this.#line.setAttribute("points", points.length > 1 ? points.join(" ") : "");
  }
}
