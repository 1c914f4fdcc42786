/** Beam search: the texts that the model finds most probable as a whole. */

/**
 * Beam search by Hugging Face's rules: `beams` texts grow side by side, one pass of the target per position for all of them; of
 * their continuations the most probable go on. A text that ends is set aside with the score log-probability / length ^
 * `lengthPenalty`. With `groups`, diverse beam search (arXiv 1610.02424): each group searches on its own, and a token costs
 * `diversity` nats for every beam of an earlier group that takes it at the same position.
 *
 * The drafts are as long as `maxNewTokens` says: by default as long as the search has room for, 255 at most and 1,023 over
 * the number of beams.
 */
export interface BeamDecoder {
  readonly kind: "beam";
  /** 1 to 10. Default 4. */
  readonly beams?: number;
  /** Groups of as many beams each; divides `beams`. Default 1. */
  readonly groups?: number;
  /** Nats, above 0 to 100; only with more than one group. Default 0.5. */
  readonly diversity?: number;
  /** -10 to 10: above 0 long texts gain, below 0 short ones. Default 1. */
  readonly lengthPenalty?: number;
  /**
   * When the search ends. `true`: as soon as `beams` texts have ended. `false`: when no running text, as long as it is, is better
   * than the worst of them. `"never"`: when none can become better, however long it gets. Default false.
   */
  readonly earlyStopping?: boolean | "never";
}

/** What is used where an option is left out. */
export const BEAM_DEFAULTS = {
  beams: 4,
  groups: 1,
  diversity: 0.5,
  lengthPenalty: 1,
  earlyStopping: false,
} as const;
