/** What a decoder of several samples sees of the engine. No GPU types here, so the decoder can be run against a fake. */
import type { Beam } from "./beam-steps.ts";
import type { RoundCounts } from "./rounds.ts";

export interface SamplesStart {
  /** 1..contextLength - 1 ids. */
  readonly prompt: readonly number[];
  /** Tokens per text, 1 up; `mostSteps` may allow fewer. */
  readonly maxNewTokens: number;
  /** A 32-bit unsigned integer: the first text's. Text i draws with seed + i. */
  readonly seed: number;
}

/** Several texts drawn side by side: start them with a prompt, then call `next`. */
export interface SamplesSession {
  readonly contextLength: number;
  /** Steps that fit after a prompt of so many tokens. */
  mostSteps(promptTokens: number): number;
  /** Forgets the last texts and fills the cache with all but the last token of the prompt. */
  start(start: SamplesStart): Promise<void>;
  /**
   * Runs up to `steps` steps in one submission with one readback, and gives all texts so far, with the sums of their tokens'
   * log-probabilities in nats. The texts go on beyond an end of text: who reads them cuts them there.
   */
  next(steps: number): Promise<readonly Beam[]>;
  readonly counts: RoundCounts;
}
