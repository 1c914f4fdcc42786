/** Text to token ids and back: the model's own `tokenizer.json`, run by @huggingface/tokenizers. */
import { Tokenizer as HuggingFaceTokenizer } from "@huggingface/tokenizers";
import { checkTokenizerFile, tokenizerInvalid } from "./tokenizer-file.ts";
import { Detokenizer } from "./detokenizer.ts";

/** What the engine needs of a tokenizer, so that one handed in by the page can take its place. */
export interface Tokenizer {
  /** One more than the highest id. A model may have more (padding), never fewer. */
  readonly vocabSize: number;
  /** Starts a text, where the model has such a token. */
  readonly beginOfText: number | undefined;
  /** Tokens that end a text; may be empty. */
  readonly endOfText: readonly number[];
  /**
   * Ids of a text, with the special tokens that the tokenizer puts around it. An empty text is the
   * beginning-of-text token alone, or nothing where there is no such token. `isWhole`: the text has its own special tokens, as
   * what a chat template writes.
   */
  encode(text: string, how?: { readonly isWhole?: boolean }): number[];
  /** The text of ids, without special tokens. Ids that are no tokens count for nothing. */
  decode(ids: readonly number[]): string;
  /** The token as the vocabulary spells it, or undefined for an id that is none. */
  tokenOf(id: number): string | undefined;
  /** The id of a token as the vocabulary spells it. */
  idOf(token: string): number | undefined;
  /**
   * Turns tokens into text as they come. The text follows that of `prompt` (its ids): all pieces
   * together are `decode([...prompt, ...ids])` without its beginning `decode(prompt)`.
   */
  stream(prompt: readonly number[]): Detokenizer;
}

export interface TokenizerOptions {
  /** From the model's configuration; without it, `tokenizer_config.json` says. */
  readonly bosTokenId?: number | undefined;
  readonly eosTokenIds?: readonly number[] | undefined;
}

/**
 * Builds a tokenizer from the parsed `tokenizer.json` and `tokenizer_config.json` (which may be absent).
 * @throws CoppiceError `tokenizer-invalid` where they cannot be understood.
 */
export function createTokenizer(
  tokenizerJson: unknown,
  tokenizerConfig?: unknown,
  options: TokenizerOptions = {},
): Tokenizer {
  const file = checkTokenizerFile(tokenizerJson, tokenizerConfig);
  try {
    const inner = new HuggingFaceTokenizer(file.tokenizer, file.config);
    const tokenizer = new ModelTokenizer(inner, file.config, options);
    tokenizer.decode(tokenizer.encode("Some faults only show in use.\n"));
    return tokenizer;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw tokenizerInvalid(`tokenizer.json cannot be used: ${reason}`, cause);
  }
}

class ModelTokenizer implements Tokenizer {
  readonly vocabSize: number;
  readonly beginOfText: number | undefined;
  readonly endOfText: readonly number[];
  readonly #inner: HuggingFaceTokenizer;
  readonly #special: ReadonlySet<number>;

  constructor(
    inner: HuggingFaceTokenizer,
    config: Readonly<Record<string, unknown>>,
    options: TokenizerOptions,
  ) {
    this.#inner = inner;
    const added = [...inner.get_added_tokens_decoder()];
    this.#special = new Set(added.filter(([, token]) => token.special).map(([id]) => id));
    let highest = -1;
    for (const id of inner.get_vocab().values()) highest = Math.max(highest, id);
    this.vocabSize = highest + 1;
    this.beginOfText = options.bosTokenId ?? this.#configured(config["bos_token"]);
    const end = this.#configured(config["eos_token"]);
    this.endOfText = options.eosTokenIds ?? (end === undefined ? [] : [end]);
  }

  encode(text: string, { isWhole = false }: { readonly isWhole?: boolean } = {}): number[] {
    const { ids } = this.#inner.encode(text, { add_special_tokens: !isWhole });
    if (ids.some((id) => id === undefined)) {
      throw tokenizerInvalid(
        "tokenizer.json gives text a token that its vocabulary does not have.",
      );
    }
    return ids.length === 0 && this.beginOfText !== undefined ? [this.beginOfText] : ids;
  }

  decode(ids: readonly number[]): string {
    const visible = ids.filter((id) => this.#isVisible(id));
    if (visible.length === 0) return "";
    // The clean-up would take back spaces that a stream has already given out.
    return this.#inner.decode(visible, { clean_up_tokenization_spaces: false });
  }

  tokenOf(id: number): string | undefined {
    return this.#inner.id_to_token(id);
  }

  idOf(token: string): number | undefined {
    return this.#inner.token_to_id(token);
  }

  stream(prompt: readonly number[]): Detokenizer {
    return new Detokenizer(
      (ids) => this.decode(ids),
      (id) => this.#isVisible(id),
      prompt,
    );
  }

  #isVisible(id: number): boolean {
    return this.tokenOf(id) !== undefined && !this.#special.has(id);
  }

  /** A special token as `tokenizer_config.json` names it: its text, or an object that holds it. */
  #configured(token: unknown): number | undefined {
    const content: unknown =
      typeof token === "object" ? (token as { content?: unknown } | null)?.content : token;
    return typeof content === "string" ? this.idOf(content) : undefined;
  }
}
