/** Where the GPU's time goes, as one bar of four parts. */
import type { PhaseTimes } from "coppice";
import { byId, make } from "./dom.ts";
import { formatNumber } from "./format.ts";

const PHASES: Readonly<Record<keyof PhaseTimes, string>> = {
  draft: "The draft's passes, and the tree",
  score: "The target's pass over the tree",
  verify: "The rule that decides what is kept",
  commit: "The kept path made part of the caches",
};

const NAMES = Object.keys(PHASES) as (keyof PhaseTimes)[];

export class PhaseBar {
  readonly #bar = byId("phase-bar", HTMLDivElement);
  readonly #total = byId("phase-total", HTMLSpanElement);
  readonly #parts = new Map<keyof PhaseTimes, { part: HTMLElement; output: HTMLElement }>();

  constructor() {
    for (const name of NAMES) {
      const part = make("span", { className: `phase ${name}` });
      const output = make("dd", {}, "–");
      output.dataset["phaseShare"] = name;
      const key = make("dt", {}, make("span", { className: `phase ${name}` }), name);
      this.#parts.set(name, { part, output });
      this.#bar.append(part);
      byId("phase-key", HTMLDListElement).append(make("div", { title: PHASES[name] }, key, output));
    }
    this.show(undefined, 0);
  }

  /** `times` are those of all rounds together; undefined where they were not measured. */
  show(times: PhaseTimes | undefined, rounds: number): void {
    const total = times ? NAMES.reduce((sum, name) => sum + times[name], 0) : 0;
    const isKnown = times !== undefined && total > 0 && rounds > 0;
    this.#bar.classList.toggle("known", isKnown);
    this.#total.textContent = isKnown ? `${formatNumber(total / rounds)} ms` : "–";
    for (const [name, { part, output }] of this.#parts) {
      const share = isKnown ? times[name] / total : 0;
      part.style.setProperty("--share", String(share));
      output.textContent = isKnown ? `${Math.round(share * 100)} %` : "–";
    }
  }
}
