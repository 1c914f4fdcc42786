/** What of a text the model sees: all of it, until that fills the context; from then on its beginning and its end. */

/** Where a text goes on after it has filled the context. */
export interface Slide {
  /** Tokens at the beginning that are never forgotten, 0..contextLength - 2. */
  readonly keep: number;
}

/** Seeds of consecutive windows are this far apart: the golden ratio of 2^32, odd, so none comes twice. */
const SEED_STEP = 0x9e3779b9;

export class TextWindow {
  readonly #contextLength: number;
  readonly #slide: Slide | undefined;
  readonly #seed: number;
  #tokens: number[];
  #index = 0;

  /** Without `slide` the prompt leaves room for a token. */
  constructor(
    prompt: readonly number[],
    contextLength: number,
    seed: number,
    slide: Slide | undefined,
  ) {
    this.#tokens = [...prompt];
    this.#contextLength = contextLength;
    this.#seed = seed;
    this.#slide = slide;
    if (this.room <= 0) this.#forget();
  }

  /** What the model sees at this point, in order. */
  get tokens(): readonly number[] {
    return [...this.#tokens];
  }

  /** Tokens until the context is full. */
  get room(): number {
    return this.#contextLength - this.#tokens.length;
  }

  /**
   * Positions start anew after a slide, and drawn tokens depend on seed and position. With the same seed a text would be drawn
   * with the same numbers again.
   */
  get seed(): number {
    return (this.#seed + Math.imul(this.#index, SEED_STEP)) >>> 0;
  }

  push(tokens: readonly number[]): void {
    this.#tokens.push(...tokens);
  }

  /** Comes to where a text stands that was written before. Without `slide` the tokens leave room for another. */
  replay(tokens: readonly number[]): void {
    for (const token of tokens) {
      if (this.room === 0) this.slide();
      this.push([token]);
    }
  }

  /** Makes room where there is none. */
  slide(): void {
    this.#index += 1;
    this.#forget();
  }

  /** What stays depends on the text alone, never on how many tokens a round gave: so does what follows. */
  #forget(): void {
    if (!this.#slide) return;
    const { keep } = this.#slide;
    const latest = Math.floor((this.#contextLength - keep) / 2);
    this.#tokens = [...this.#tokens.slice(0, keep), ...this.#tokens.slice(-latest)];
  }
}
