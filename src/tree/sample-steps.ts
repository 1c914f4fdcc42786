/** What a decoder of several samples sees of the engine. No GPU types here, so the decoder can be run against a fake. */
import type { RoundCounts } from "./rounds.ts";

export interface SamplesStart {
  /** 1..contextLength - 1 ids. */
  readonly prompt: readonly number[];
  /** Tokens per text, 1 up; `mostSteps` may allow fewer. */
  readonly maxNewTokens: number;
  /** Aborts a long prompt's prefill. */
  readonly signal?: AbortSignal;
  /** A 32-bit unsigned integer: the first text's. Text i draws with seed + i. */
  readonly seed: number;
}

/** One text, as far as it is drawn. */
export interface Sample {
  readonly tokens: readonly number[];
  /** Per token the sum of the log-probabilities up to it, in nats, by the distribution it was drawn from. */
  readonly scores: readonly number[];
}

/** Several texts drawn side by side: start them with a prompt, then call `next`. */
export interface SamplesSession {
  readonly contextLength: number;
  /** Steps that fit after a prompt of so many tokens. */
  mostSteps(promptTokens: number): number;
  /** Forgets the last texts and fills the cache with all but the last token of the prompt. */
  start(start: SamplesStart): Promise<void>;
  /**
   * Runs up to `steps` steps in one submission with one readback, and gives all texts so far. They go on beyond an end of
   * text: who reads them cuts them there.
   */
  next(steps: number): Promise<readonly Sample[]>;
  readonly counts: RoundCounts;
}
