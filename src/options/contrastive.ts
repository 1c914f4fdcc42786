/** Contrastive search: probable text that does not repeat itself, without drawing. */

/**
 * Of the `topK` most probable tokens v takes the one with the largest
 *
 *     (1 - alpha) p(v) - alpha max_j cos(h_v, h_j)
 *
 * where p is the model's probability, h_v its last hidden state once v has been read, and h_j that of every token before: of
 * prompt and text, as far as the model sees them (contrastive search, arXiv 2202.06417). A token that would say again what was said
 * is passed over. Nothing is drawn: the seed does not matter, and a tie goes to the more probable token. One pass over `topK` rows
 * per token. Penalties, bans, biases and forced tokens apply before p is taken; a token of probability 0 is not chosen while there
 * is another. Not for `speculative`, which refuses it. `docs/contrastive.md` says what it costs and when to use it.
 */
export interface ContrastiveDecoder {
  readonly kind: "contrastive";
  /** Tokens to choose from: 2 to 16, where 1 would be greedy. Default 4, as in Hugging Face's documentation. */
  readonly topK?: number;
  /** 0 to 1: how much likeness counts against probability. 0 is greedy, at a higher price. Default 0.6. */
  readonly alpha?: number;
}

/** What is used where an option is left out. */
export const CONTRASTIVE_DEFAULTS = { topK: 4, alpha: 0.6 } as const;

/** Contrastive search with nothing left out. */
export interface ResolvedContrastive {
  readonly topK: number;
  readonly alpha: number;
}
