/**
 * What the superposed decoder sees of the engine: drafts that grow one token per step, all of them on one chain of
 * passes. No GPU types here, so the decoder can be run against a fake.
 */
import type { Choice, Fate, NgramSection, ScaledSection } from "../model/index.ts";
import type { RoundCounts } from "./rounds.ts";

export type { Choice, Fate, NgramSection, ScaledSection };

/** Where the drafts start and where they may end. */
export interface SuperposedStart {
  /** 1..contextLength - 1 ids. Of these, all that the cache still holds are not computed again. */
  readonly prompt: readonly number[];
  /** Tokens per draft, 1 up; the context may allow fewer. */
  readonly steps: number;
  /** Ids that end a draft. Of more than 8 the first 8 count. */
  readonly endTokens: readonly number[];
  /** N-grams beside those that the session was made with. Replaces what an earlier start gave. */
  readonly ngrams: readonly ScaledSection[];
  /** Aborts a long prompt's prefill. */
  readonly signal?: AbortSignal;
}

/** One sequence of steps: start it with a prompt, then call `next`. */
export interface SuperposedSession {
  /** Tokens of prompt and draft together. */
  readonly contextLength: number;
  /**
   * Forgets the last drafts, whose chain of mixed embeddings leaves the cache, and fills the cache with all but the last
   * token of the prompt.
   */
  start(start: SuperposedStart): Promise<void>;
  /** The same, within one request: the counts go on. */
  restart(start: SuperposedStart): Promise<void>;
  /**
   * Runs up to `steps` steps, 1..16, in one submission with one readback: the best 2k continuations of each, best first.
   * Fewer where every draft ended or the drafts are as long as they may be.
   */
  next(steps: number): Promise<readonly (readonly Choice[])[]>;
  /** Counts since `start`; a round is a step. */
  readonly counts: RoundCounts;
}
