/** What is changed in the model's logits before the sampling stages, whatever the decoder. */

/**
 * Makes what was said before less likely. Penalties look at the text so far, prompt included; in a tree at each node's own.
 */
export interface Penalties {
  /**
   * Positive logits of seen tokens are divided by it, others multiplied (arXiv 1909.05858). 0.01 to 100; below 1 favours
   * repetition. Default 1: none.
   */
  readonly repetition?: number;
  /** Subtracted from the logits of seen tokens, once. -100 to 100. Default 0. */
  readonly presence?: number;
  /** Subtracted as often as the token was seen. -100 to 100. Default 0. */
  readonly frequency?: number;
  /**
   * How many of the last tokens are looked at, 1 up. Default: all, as Hugging Face does for repetition and OpenAI for the
   * others (over the output alone). llama.cpp's default is 64.
   */
  readonly window?: number;
}

/**
 * They apply in this order: bias, penalties, bans (banned tokens, ends of text before `minNewTokens`, repeated n-grams),
 * forced tokens. A token id is one of the model's vocabulary. With speculation each node of a tree is edited by its own
 * text, so what is promised of a rule holds with all of them.
 */
export interface LogitEdits {
  readonly penalties?: Penalties;
  /** No n-gram of this length comes twice in prompt and text together. 1 to 64; 0 allows all. Default 0. */
  readonly noRepeatNgram?: number;
  /** Added to the logits of these token ids. -100 to 100 each. Default: none. */
  readonly logitBias?: Readonly<Record<number, number>>;
  /** Token ids that are never drawn. Default: none. */
  readonly bannedTokens?: readonly number[];
  /** Ids of new tokens that are given, by their index from 0; a list gives the first ones. At most 1,024. Default: none. */
  readonly forcedTokens?: Readonly<Record<number, number>>;
  /** The model cannot end the text before it has this many tokens. 0 up to `maxNewTokens`. Default 0. */
  readonly minNewTokens?: number;
}

/** `LogitEdits` with nothing left out. */
export interface ResolvedEdits {
  readonly repetition: number;
  readonly presence: number;
  readonly frequency: number;
  /** 0: all. */
  readonly window: number;
  readonly noRepeatNgram: number;
  readonly minNewTokens: number;
  /** `[id, amount]`, each id once. */
  readonly biases: readonly (readonly [number, number])[];
  readonly banned: readonly number[];
  /** `[index, id]`, each index once. */
  readonly forced: readonly (readonly [number, number])[];
}

export const MAX_FORCED = 1024;
