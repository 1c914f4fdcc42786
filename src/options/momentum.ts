/** Momentum decoding, which goes on by the most probable token unless that would repeat what was said. */

/**
 * Of the `topK` most probable tokens takes the one with the largest p - alpha f(l), where l says how long a repetition it would
 * make: 0 for a token that prompt and text do not have yet, else the largest n for which the last n - 1 tokens with this one
 * after them are there already. f is `resistance`. Draws nothing (Momentum Decoding, arXiv 2212.02175). `docs/momentum.md` says
 * what differs between the paper and its code.
 */
export interface MomentumDecoder {
  readonly kind: "momentum";
  /**
   * Among how many of the most probable tokens is chosen: 2 to 64, where 1 would be greedy, or the vocabulary where that is
   * smaller. Default 5, the paper's.
   */
  readonly topK?: number;
  /** How strongly repetition is resisted: 0 to 100; 0 is greedy. Default 0.2, the paper's. */
  readonly alpha?: number;
  /**
   * f(1), f(2), ...: the resistance against a repetition of each length, 1 to 16 numbers from 0 to 1,000. What would be longer
   * than the list is not said, unless nothing else may be. Default `[1, 2, 3, 4, 5]`, the paper's.
   */
  readonly resistance?: readonly number[];
}

/** Momentum with nothing left out. */
export type ResolvedMomentum = Required<Omit<MomentumDecoder, "kind">>;
