/** Several samples at once. */
import type { SamplingStages } from "./sampling.ts";

/**
 * `count` texts drawn side by side, one pass of the target per position for all of them. Text i is the one that `sample` with these
 * stages writes with `seed` + i, so it is there to be had again. The drafts stand in that order; their score is the sum of
 * the log-probabilities that they were drawn with.
 *
 * They are as long as `maxNewTokens` says: by default as long as there is room for, 255 tokens at most and 1,023 over the
 * number of texts.
 */
export interface SamplesDecoder extends SamplingStages {
  readonly kind: "samples";
  /** 2 to 10. Default 4. */
  readonly count?: number;
}

/** What `count` is where it is left out. */
export const DEFAULT_SAMPLES = 4;
