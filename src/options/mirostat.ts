/** Mirostat, which keeps the surprise of a text at a level. */

/**
 * Draws every token among as many of the most probable ones as keeps the text's surprise, -log2 of a token's probability,
 * near `tau` on average (Mirostat, arXiv 2007.14966). After each token `mu <- mu - eta (surprise - tau)`, held between its
 * bounds; the next token is drawn among those whose surprise is at most mu (version 2), or among the k most probable, k
 * estimated from mu by Zipf's law (version 1). No other stage applies but temperature. `docs/mirostat.md` says what differs
 * between the paper and llama.cpp, and which values suit.
 */
export interface MirostatDecoder {
  readonly kind: "mirostat";
  /** Default 2, which needs no estimate. */
  readonly version?: 1 | 2;
  /**
   * The surprise per token that is aimed at, in `unit`s: above 0, up to the logarithm of the vocabulary's size. Its power
   * of 2 is the perplexity aimed at. Default 3 bits.
   */
  readonly tau?: number;
  /** Of `tau`, `mu` and `muBounds`. What comes back is in bits always. Default `"bits"`. */
  readonly unit?: "bits" | "nats";
  /** How strongly one token's surprise moves mu: 0.001 to 10. Default 1 with `"model"`, 0.1 with `"truncated"`. */
  readonly eta?: number;
  /** Where mu starts, within its bounds. Default 2 tau, or the bound that is nearest to it. */
  readonly mu?: number;
  /**
   * The least and the greatest mu: -10,000 to 10,000 bits. Without bounds mu runs off while tau is out of the model's reach,
   * and takes as long to come back. Default `[-25 eta, log2 V + 25 eta]` bits, V the vocabulary's size: mu stays where it makes a
   * difference, but for 25 bits that the text may owe or have saved.
   */
  readonly muBounds?: readonly [least: number, greatest: number];
  /**
   * Which surprise moves mu: `"model"`, under the model's whole distribution, as in the paper; `"truncated"`, among the tokens
   * that were kept, as in llama.cpp, whose version 1 also looks at 99 ratios instead of 100 and rounds k down. Default `"model"`.
   */
  readonly surprise?: "model" | "truncated";
  /** Logits are divided by it before anything else: 0.01 to 100. Default 1. */
  readonly temperature?: number;
}

/** Mirostat with nothing left out, in bits. */
export interface ResolvedMirostat {
  readonly version: 1 | 2;
  readonly tau: number;
  readonly eta: number;
  readonly mu: number;
  readonly muBounds: readonly [number, number];
  readonly surprise: "model" | "truncated";
}
