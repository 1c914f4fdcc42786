/** From the prompt's text to the ids that a sequence starts with. */
import { CoppiceError } from "../errors.ts";

export interface EncodeHow {
  readonly isWhole?: boolean;
}

/** What the decoders need of a tokenizer. */
export interface PromptEncoder {
  /** Ids with the special tokens that the model wants around a text; without them where `isWhole` says that it has its own. */
  encode(text: string, how?: EncodeHow): readonly number[];
  /** Starts an empty prompt, where the model has such a token. */
  readonly beginOfText: number | undefined;
}

/**
 * The ids of a prompt; an empty one is the beginning-of-text token alone.
 * @throws CoppiceError `option-invalid` where it has no tokens at all.
 */
export function encodePrompt(
  tokenizer: PromptEncoder,
  text: string,
  how?: EncodeHow,
): readonly number[] {
  const ids = tokenizer.encode(text, how);
  if (ids.length > 0) return ids;
  if (tokenizer.beginOfText !== undefined) return [tokenizer.beginOfText];
  throw new CoppiceError(
    "option-invalid",
    "The prompt has no tokens, and this model has no beginning-of-text token to start from.",
    "Pass a prompt of at least one character.",
  );
}

/**
 * Whether there is room for a token after the prompt and what follows it already, `name`.
 * @throws CoppiceError `context-overflow`
 */
export function checkRoom(
  prompt: number,
  contextLength: number,
  { after = 0, name = "" }: { after?: number; name?: string } = {},
): void {
  const tokens = prompt + after;
  if (tokens + 1 <= contextLength) return;
  const what = after > 0 ? `The prompt and ${name} have` : "The prompt has";
  const shorten =
    after > 0
      ? "Start from a shorter prompt"
      : `Shorten the prompt to ${contextLength - 1} tokens or fewer`;
  throw new CoppiceError(
    "context-overflow",
    `${what} ${tokens} tokens; the context holds ${contextLength}, one of them for the output.`,
    `${shorten}, or load the engine with a larger contextLength if the model allows it.`,
  );
}
