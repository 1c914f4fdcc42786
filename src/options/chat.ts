/** Conversations as prompts. */

/**
 * One message. What else a template knows (`tool_calls`, `name`, `tool_call_id`, `reasoning_content`, ...) is handed to it as it is.
 */
export interface ChatMessage {
  readonly role: "system" | "user" | "assistant" | "tool" | (string & {});
  /** Text, or parts such as `{ type: "text", text }` where the template takes them; nothing where the message is a call of tools. */
  readonly content?: string | readonly object[] | null;
  readonly [field: string]: unknown;
}

/** How a conversation becomes text: by the model's own template. */
export interface ChatOptions {
  /** Tools the model may call, as JSON schemas of functions: `{ type: "function", function: { name, description, parameters } }`. Default: none. */
  readonly tools?: readonly object[];
  /** Ends the text with the beginning of an answer. False for a conversation that ends with one to be continued. Default true. */
  readonly addGenerationPrompt?: boolean;
  /** The name of one of the model's templates, or a Jinja template in its place. Default: the model's `default`; with tools its `tool_use`. */
  readonly template?: string;
  /** What else the template asks for, such as `{ enable_thinking: false }`. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** A prompt as the model gets it. */
export interface EncodedPrompt {
  /** Of a conversation, what its template made of it. */
  readonly text: string;
  readonly tokens: readonly number[];
}

/**
 * A tokenizer in place of the model's own: one of transformers.js's (`@huggingface/transformers`, `@xenova/transformers`) or of
 * `@huggingface/tokenizers`, or the contents of a model's tokenizer files.
 */
export type TokenizerOption = TokenizerLike | TokenizerFiles;

export interface TokenizerLike {
  encode(text: string): readonly number[] | { readonly ids: readonly number[] };
}

export interface TokenizerFiles {
  /** The content of `tokenizer.json`. */
  readonly tokenizer: object;
  /** The content of `tokenizer_config.json`. */
  readonly config?: object;
}
