/**
 * What a beam decoder sees of the engine: texts that grow side by side, one token per step. No GPU types here, so the decoder
 * can be run against a fake.
 */
import type { RoundCounts } from "./rounds.ts";

/** How the search goes on and when it ends; see `BeamDecoder` in the options. */
export interface BeamRules {
  /** Sums of log-probabilities are divided by length to this power. */
  readonly lengthPenalty: number;
  /** True: when enough texts have ended. False: when no running one is better than the worst of them. `"never"`: when none can become better. */
  readonly earlyStopping: boolean | "never";
  /** Nats that a token loses per beam of an earlier group that takes it at the same step. */
  readonly diversity: number;
}

export interface BeamStart {
  /** 1..contextLength - 1 ids. */
  readonly prompt: readonly number[];
  /** Tokens per text, 1 up; `mostSteps` may allow fewer. */
  readonly maxNewTokens: number;
  /** Aborts a long prompt's prefill. */
  readonly signal?: AbortSignal;
  /** Ids that end a text; as many as the session was made for. */
  readonly endTokens: readonly number[];
}

/** One text of a search. */
export interface Beam {
  readonly tokens: readonly number[];
  /** Of a running text the sum of its log-probabilities in nats, of a finished one that over length to the length penalty. */
  readonly score: number;
}

export interface BeamGroup {
  /** Best first; empty once the group is done. */
  readonly running: readonly Beam[];
  /** Best first; the end-of-text token, where there is one, is the last. */
  readonly finished: readonly Beam[];
}

export interface BeamOutcome {
  readonly groups: readonly BeamGroup[];
  readonly done: boolean;
}

/** One search: start it with a prompt, then call `next` until it is done. */
export interface BeamSession {
  readonly contextLength: number;
  /** Steps that fit after a prompt of so many tokens. */
  mostSteps(promptTokens: number): number;
  /** Forgets the last search and fills the cache with all but the last token of the prompt. */
  start(start: BeamStart): Promise<void>;
  /** Runs up to `steps` steps in one submission with one readback. */
  next(steps: number): Promise<BeamOutcome>;
  readonly counts: RoundCounts;
}
