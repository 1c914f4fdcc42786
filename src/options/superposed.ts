/** Superposed Decoding: several drafts from one chain of passes, and the n-grams that tell them apart. */

/**
 * Where n-grams come from. `"model"`: `ngrams.bin` beside the target's `config.json` (format: models/tales/NGRAMS.md).
 * `"prompt"`: counted in the prompt and in what was accepted since. `text`: counted in this text. `file`: a table in
 * `ngrams.bin`'s format; a URL is absolute or starts with `/`. `weight`: this source's share beside the others', above 0
 * to 1,000; default 1.
 */
export type NgramSource =
  | "model"
  | "prompt"
  | { readonly from: "model" | "prompt"; readonly weight?: number }
  | { readonly text: string; readonly weight?: number }
  | {
      readonly file: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer>;
      readonly weight?: number;
    };

/**
 * Superposed Decoding (arXiv 2405.18400): `drafts` continuations for the price of one. The model sees the weighted mix of
 * all drafts' last tokens, one pass per position; n-grams tell which token continues which draft. Good for some ten
 * tokens, as suggestions to choose from; not for long texts. `docs/superposed.md` has the formulas.
 */
export interface SuperposedDecoder {
  readonly kind: "superposed";
  /** 2 to 10. Default 3. */
  readonly drafts?: number;
  /**
   * One source or up to 8, mixed by weight. Default: `"model"` where the model has a table. Without any, drafts are cross
   * products of likely tokens, and a warning says so.
   */
  readonly ngrams?: NgramSource | readonly NgramSource[];
  /** The n-grams' share of a score, 0 to 1: (1 - alpha) ln p + alpha ln g. Default 0.54. */
  readonly alpha?: number;
  /** The model's logits are divided by it, 0.001 to 100. Low: the best draft makes up nearly all of the mix. Default 0.06. */
  readonly temperature?: number;
  /** Tokens that drafts choose from at each position, `drafts` to 64. Default 3 times `drafts`. */
  readonly candidates?: number;
  /** Weights of the orders 2, 3, ... of n-grams: 1 to 5 numbers from 0 to 1. Default 0.01, 0.04, 0.15, 0.18, 0.12. */
  readonly lambdas?: readonly number[];
  /** Tokens per draft, 1 to 256. Default 10; the paper measured up to 20. */
  readonly maxDraftTokens?: number;
  /**
   * Starts again from one draft after every `every` tokens (1 up), which keeps longer drafts from falling apart: the draft
   * with the best score, or one drawn by the drafts' shares. Costs a pass over `every` tokens and a readback. Default: never.
   */
  readonly reset?: {
    readonly every: number;
    /** Default `"best"`. */ readonly pick?: "best" | "sample";
  };
}

/** What is used where an option is left out. */
export const SUPERPOSED_DEFAULTS = {
  drafts: 3,
  alpha: 0.54,
  temperature: 0.06,
  candidatesPerDraft: 3,
  lambdas: [0.01, 0.04, 0.15, 0.18, 0.12],
  maxDraftTokens: 10,
} as const;
