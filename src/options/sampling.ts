/** Decoders that draw one token after another, and the stages they draw by. */

/** Takes the most probable token at every step; the lowest id on a tie. */
export interface GreedyDecoder {
  readonly kind: "greedy";
}

/**
 * Which of the model's tokens may be drawn, and how evenly. In Hugging Face's order: temperature, top-k, top-p, min-p; a
 * token exactly as probable as the last one kept is kept too.
 */
export interface SamplingStages {
  /** Logits are divided by it: below 1 the likely tokens get likelier. 0 to 100; 0 is greedy. Default 1. */
  readonly temperature?: number;
  /** Keep the `topK` most probable tokens. 1 up; 0 keeps all. Default 0. */
  readonly topK?: number;
  /** Of those, keep the fewest that together have this share (nucleus sampling, arXiv 1904.09751). Above 0 to 1. Default 1: all. */
  readonly topP?: number;
  /** Of those, keep tokens at least this share as probable as the most probable one (arXiv 2407.01082). 0 to 1. Default 0: all. */
  readonly minP?: number;
}

/** Sampling stages with nothing left out; temperature 0 takes the most probable token. */
export type ResolvedStages = Required<SamplingStages>;

/**
 * Draws every token from the model's distribution. The noise is a function of seed, position and token id, so the same
 * seed gives the same text on the same device.
 */
export interface SampleDecoder extends SamplingStages {
  readonly kind: "sample";
}
