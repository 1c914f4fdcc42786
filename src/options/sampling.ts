/** Decoders that draw one token after another, and the stages they draw by. */

/** Takes the most probable token at every step; the lowest id on a tie. */
export interface GreedyDecoder {
  readonly kind: "greedy";
}

/**
 * Which of the model's tokens may be drawn, and how evenly. Each stage goes by what those before it left, and a token
 * exactly as probable as the last one kept is kept too; `order` says which comes first.
 */
export interface SamplingStages {
  /** Logits are divided by it: below 1 the likely tokens get likelier. 0 to 100; 0 is greedy. Default 1. */
  readonly temperature?: number;
  /** Keep the `topK` most probable tokens. 1 up; 0 keeps all. Default 0. */
  readonly topK?: number;
  /** Keep the fewest that together have this share (nucleus sampling, arXiv 1904.09751). Above 0 to 1. Default 1: all. */
  readonly topP?: number;
  /** Keep tokens at least this share as probable as the most probable one (arXiv 2407.01082). 0 to 1. Default 0: all. */
  readonly minP?: number;
  /**
   * Keep the fewest that together have this share, those first whose log-probability is nearest to the mean one (locally
   * typical sampling, arXiv 2202.00666). Above 0 to 1. Default 1: all.
   */
  readonly typicalP?: number;
  /** Keep tokens whose logits are at most this many standard deviations below the largest (arXiv 2411.07641). 0 to 100; 0 keeps all. Default 0. */
  readonly topNSigma?: number;
  /** Default `"hf"`. A stage that is in use and not in the list is refused. */
  readonly order?: StageOrder;
}

/** A sampling stage, by its field's name. */
export type SamplingStage = Exclude<keyof SamplingStages, "order">;

/**
 * `"hf"`, as Hugging Face: temperature, topNSigma, topK, topP, minP, typicalP (topNSigma, which Hugging Face lacks, comes
 * where temperature makes no difference to it). `"llama.cpp"`: topNSigma, topK, typicalP, topP, minP, temperature. Or a list
 * of stages, each at most once. The same numbers in another order give another distribution.
 */
export type StageOrder = "hf" | "llama.cpp" | readonly SamplingStage[];

/** Sampling stages with nothing left out; temperature 0 takes the most probable token. */
export type ResolvedStages = Required<Omit<SamplingStages, "order">> & {
  readonly order: readonly SamplingStage[];
};

/**
 * Draws every token from the model's distribution. The noise is a function of seed, position and token id, so the same
 * seed gives the same text on the same device.
 */
export interface SampleDecoder extends SamplingStages {
  readonly kind: "sample";
}
