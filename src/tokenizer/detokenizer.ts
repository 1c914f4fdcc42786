/**
 * Text from tokens as they come. A token's text depends on what stands before it (sentencepiece drops
 * the first space of a text) and may be a part of a character only, so tokens are decoded together with
 * the few before them, and only what later tokens cannot change is given out.
 */
const REPLACEMENT = "\uFFFD";
/** A character has at most four bytes, so a token farther back cannot be a part of an unfinished one. */
const CHARACTER_TOKENS = 4;
const MAX_PENDING = 16;

export class Detokenizer {
  readonly #decode: (ids: readonly number[]) => string;
  readonly #isVisible: (id: number) => boolean;
  /** Tokens whose text has been given out; kept for what follows them. */
  #context: number[];
  /** Tokens after `#context` that end in an unfinished character. */
  #pending: number[] = [];
  /** Characters of `decode(context + pending)` that have been given out. */
  #given: number;

  /** `isVisible` says whether a token has text at all: special tokens have none. */
  constructor(
    decode: (ids: readonly number[]) => string,
    isVisible: (id: number) => boolean,
    prompt: readonly number[],
  ) {
    this.#decode = decode;
    this.#isVisible = isVisible;
    // More tokens may hide between the visible ones, so the filter comes first.
    this.#context = prompt.slice(-256).filter(isVisible).slice(-CHARACTER_TOKENS);
    this.#given = decode(this.#context).length;
  }

  /** The text that became certain with this token; may be empty, never ends within a character. */
  push(id: number): string {
    if (!this.#isVisible(id)) return "";
    this.#pending.push(id);
    const text = this.#decode([...this.#context, ...this.#pending]);
    // However many bytes of a character are missing, they show as one replacement at the end.
    const open = text.endsWith(REPLACEMENT);
    const delta = text.slice(this.#given, open ? -1 : undefined);
    this.#given += delta.length;
    if (!open) this.#settle();
    else if (this.#pending.length >= MAX_PENDING) this.#shorten(text);
    return delta;
  }

  /** What is left at the end of the text: an unfinished character shows as U+FFFD. */
  end(): string {
    const delta = this.#decode([...this.#context, ...this.#pending]).slice(this.#given);
    this.#settle();
    return delta;
  }

  #settle(): void {
    if (this.#pending.length > 0) this.#context = this.#pending;
    this.#pending = [];
    this.#given = this.#decode(this.#context).length;
  }

  /**
   * A model may write broken bytes without end. Drops old tokens where that changes no later text:
   * at a place where the parts decode as the whole does.
   */
  #shorten(text: string): void {
    for (let cut = this.#pending.length - CHARACTER_TOKENS; cut > 0; cut--) {
      const [head, tail] = [this.#pending.slice(0, cut), this.#pending.slice(cut)];
      const before = this.#decode([...this.#context, ...head]).length;
      const headText = this.#decode(head).length;
      const shorter = this.#decode([...head, ...tail]);
      if (this.#given < before || shorter.slice(headText) !== text.slice(before)) continue;
      this.#context = head;
      this.#pending = tail;
      this.#given += headText - before;
      return;
    }
  }
}
