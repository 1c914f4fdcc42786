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
  readonly #byRank: number[] = [];
  #acceptedTokens = 0;
  #draftPasses = 0;
  #surprise = 0;
  #mu: number | undefined;
  readonly #draftShare: number;

  /**
   * Times are milliseconds of `now`; `requestedAt` is one of them. `draftShare` is the draft's number of parameters over
   * the target's, 0 without a draft.
   */
  constructor(
    requestedAt: number,
    draftShare: number,
    now: () => number = () => performance.now(),
  ) {
    this.#requestedAt = requestedAt;
    this.#draftShare = draftShare;
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
    this.#draftPasses += outcome.draftPasses;
    for (const { mu, surprise } of outcome.surprises?.slice(0, kept) ?? []) {
      this.#surprise += surprise;
      this.#mu = mu;
    }
    this.#acceptedTokens += outcome.steps.length;
    for (const { rank } of outcome.steps) {
      while (this.#byRank.length <= rank) this.#byRank.push(0);
      this.#byRank[rank]! += 1;
    }
    for (let depth = 0; depth < outcome.depth; depth++) {
      this.#reached[depth] = (this.#reached[depth] ?? 0) + 1;
      this.#accepted[depth] = (this.#accepted[depth] ?? 0) + (outcome.accepted > depth ? 1 : 0);
    }
  }

  read(counts: RoundCounts): Metrics {
    // The first round waits for the prefill on the GPU, so nothing before its end says how fast decoding is.
    const firstAt = this.#firstAt ?? this.#requestedAt;
    const decodeTime = this.#rounds > 0 ? this.#lastAt - firstAt : 0;
    const blockEfficiency = this.#rounds > 0 ? this.#kept / this.#rounds : 0;
    const draftCost = (this.#draftShare * this.#draftPasses) / Math.max(1, this.#rounds);
    return {
      rounds: this.#rounds,
      blockEfficiency,
      memoryBoundSpeedUp: blockEfficiency / (1 + draftCost),
      acceptanceByDepth: this.#reached.map((reached, depth) => this.#accepted[depth]! / reached),
      acceptedByRank: this.#byRank.map((count) => count / this.#acceptedTokens),
      submits: counts.submits,
      readbacks: counts.readbacks,
      targetForwards: counts.targetForwards,
      draftForwards: counts.draftForwards,
      dispatchesPerLayer: counts.dispatchesPerLayer,
      dispatchesPerRound: counts.dispatchesPerRound,
      gpuBytes: counts.gpuBytes,
      ...(counts.phaseTimes && { phaseTimes: counts.phaseTimes }),
      ...(this.#mu !== undefined && { meanSurprise: this.#surprise / this.#kept, mu: this.#mu }),
      timeToFirstToken: firstAt - this.#requestedAt,
      decodeTime,
      tokensPerSecond: decodeTime > 0 ? ((this.#kept - this.#firstKept) * 1000) / decodeTime : 0,
    };
  }
}
