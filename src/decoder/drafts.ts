/** Drafts on their way to the page, whichever decoder they come from. */
import type { Draft, DraftsMetrics } from "../stream-part.ts";
import type { RoundCounts } from "../tree/rounds.ts";
import type { TextDecoder } from "./decode.ts";

/** A draft as it grows. */
export interface Growing {
  readonly tokens: readonly number[];
  /** Nats, added up over the tokens. */
  readonly score: number;
  /** The end-of-text token is left out of `tokens`, but counts. */
  readonly done: boolean;
}

/** exp of the mean loss per token, the end-of-text token included. */
export function perplexityOf({ tokens, score, done }: Growing): number {
  return Math.exp(-score / Math.max(1, tokens.length + Number(done)));
}

export function showDraft(growing: Growing, textDecoder: () => TextDecoder): Draft {
  const { tokens, score, done } = growing;
  const decoder = textDecoder();
  // A character that is not complete yet may be so after the next token; after the last there is none.
  const text = tokens.map((id) => decoder.push(id)).join("") + (done ? decoder.end() : "");
  return { text, tokens, score, perplexity: perplexityOf(growing), done };
}

/** When the first step came, and the last. */
export class Clock {
  readonly requestedAt: number;
  firstAt: number;
  lastAt: number;
  #ticks = false;

  /** `requestedAt`: when the request came, by `performance.now`. */
  constructor(requestedAt: number) {
    this.requestedAt = requestedAt;
    this.firstAt = requestedAt;
    this.lastAt = requestedAt;
  }

  step(): void {
    this.lastAt = performance.now();
    if (!this.#ticks) this.firstAt = this.lastAt;
    this.#ticks = true;
  }
}

export function draftsMetrics(counts: RoundCounts, clock: Clock, steps: number): DraftsMetrics {
  return {
    steps,
    submits: counts.submits,
    readbacks: counts.readbacks,
    targetForwards: counts.targetForwards,
    dispatchesPerLayer: counts.dispatchesPerLayer,
    dispatchesPerStep: counts.dispatchesPerRound,
    gpuBytes: counts.gpuBytes,
    timeToFirstToken: clock.firstAt - clock.requestedAt,
    decodeTime: clock.lastAt - clock.firstAt,
  };
}
