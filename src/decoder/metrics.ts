/** Counts and times of one request. */
import type { Metrics } from "../stream-part.ts";
import type { RoundCounts, RoundOutcome } from "../tree/rounds.ts";

export class Meter {
  readonly #now: () => number;
  readonly #requestedAt: number;
  #firstAt: number | undefined;
  #firstKept = 0;
  #lastAt = 0;
  #rounds = 0;
  #kept = 0;
  /** Per depth: rounds whose tree reached it, and rounds that accepted there. */
  readonly #reached: number[] = [];
  readonly #accepted: number[] = [];

  /** Times are milliseconds of `now`; `requestedAt` is one of them. */
  constructor(requestedAt: number, now: () => number = () => performance.now()) {
    this.#requestedAt = requestedAt;
    this.#now = now;
  }

  /** `kept` of the round's tokens were of use, the end-of-text token included: those after it were not. */
  round(outcome: RoundOutcome, kept: number): void {
    this.#lastAt = this.#now();
    if (this.#firstAt === undefined) {
      this.#firstAt = this.#lastAt;
      this.#firstKept = kept;
    }
    this.#rounds += 1;
    this.#kept += kept;
    for (let depth = 0; depth < outcome.depth; depth++) {
      this.#reached[depth] = (this.#reached[depth] ?? 0) + 1;
      this.#accepted[depth] = (this.#accepted[depth] ?? 0) + (outcome.accepted > depth ? 1 : 0);
    }
  }

  read(counts: RoundCounts): Metrics {
    // The first round waits for the prefill on the GPU, so nothing before its end says how fast decoding is.
    const firstAt = this.#firstAt ?? this.#requestedAt;
    const decodeTime = this.#rounds > 0 ? this.#lastAt - firstAt : 0;
    return {
      rounds: this.#rounds,
      blockEfficiency: this.#rounds > 0 ? this.#kept / this.#rounds : 0,
      acceptanceByDepth: this.#reached.map((reached, depth) => this.#accepted[depth]! / reached),
      submits: counts.submits,
      readbacks: counts.readbacks,
      targetForwards: counts.targetForwards,
      draftForwards: counts.draftForwards,
      dispatchesPerLayer: counts.dispatchesPerLayer,
      dispatchesPerRound: counts.dispatchesPerRound,
      gpuBytes: counts.gpuBytes,
      timeToFirstToken: firstAt - this.#requestedAt,
      decodeTime,
      tokensPerSecond: decodeTime > 0 ? ((this.#kept - this.#firstKept) * 1000) / decodeTime : 0,
    };
  }
}
