/** What becomes of a text that is longer than the context. */

/**
 * Goes on: whenever the context is full, the model forgets the older half of what it sees, but for the first `keep` tokens, and
 * reads the rest again (which costs a prefill of half a context per half a context of text). Positions start anew; drawn
 * tokens come from a seed of their own after each slide. What is forgotten depends on the text alone, so the same seed
 * still gives the same text, with speculation or without. Penalties, `noRepeatNgram`, momentum and contrastive
 * search look at what the model sees.
 */
export interface SlideOverflow {
  readonly kind: "slide";
  /** 0 to contextLength - 2. Default: the beginning-of-text token where the prompt has one, else none. */
  readonly keep?: number;
}

export type Overflow = "end" | "slide" | SlideOverflow;
