/** How fast the last few rounds were, and how much they gave. */
import type { Metrics } from "coppice";

/** Rounds that are looked back on. */
const WINDOW = 8;

interface Sample {
  readonly rounds: number;
  readonly tokens: number;
  /** Milliseconds. */
  readonly time: number;
}

export type Counts = Pick<Metrics, "rounds" | "blockEfficiency" | "decodeTime">;

export class Tempo {
  #samples: Sample[] = [];

  clear(): void {
    this.#samples = [];
  }

  /** Tokens per second and per pass of late; undefined while there is nothing to compare with. */
  add({ rounds, blockEfficiency, decodeTime: time }: Counts) {
    // A story that goes on counts anew.
    if (rounds <= (this.#samples.at(-1)?.rounds ?? 0)) this.#samples = [];
    this.#samples.push({ rounds, tokens: rounds * blockEfficiency, time });
    if (this.#samples.length > WINDOW + 1) this.#samples.shift();
    const first = this.#samples[0]!;
    const passes = rounds - first.rounds;
    if (passes === 0 || time === first.time) return undefined;
    const tokens = rounds * blockEfficiency - first.tokens;
    return { perSecond: (1000 * tokens) / (time - first.time), perPass: tokens / passes };
  }
}
