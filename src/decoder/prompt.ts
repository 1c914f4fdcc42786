/** From the prompt's text to the ids that a sequence starts with. */
import { CoppiceError } from "../errors.ts";

/** What the decoders need of a tokenizer. */
export interface PromptEncoder {
  /** Ids with the special tokens that the model wants in front. */
  encode(text: string): readonly number[];
  /** Starts an empty prompt, where the model has such a token. */
  readonly beginOfText: number | undefined;
}

/**
 * The ids of a prompt; an empty one is the beginning-of-text token alone. `contextLength`: Infinity where it may be longer.
 * @throws CoppiceError `context-overflow` where no token would fit after it, `option-invalid` where it
 * has no tokens at all.
 */
export function encodePrompt(
  tokenizer: PromptEncoder,
  text: string,
  contextLength: number,
): readonly number[] {
  let ids = tokenizer.encode(text);
  if (ids.length === 0 && tokenizer.beginOfText !== undefined) ids = [tokenizer.beginOfText];
  if (ids.length === 0) {
    throw new CoppiceError(
      "option-invalid",
      "The prompt has no tokens, and this model has no beginning-of-text token to start from.",
      "Pass a prompt of at least one character.",
    );
  }
  if (ids.length + 1 > contextLength) {
    throw new CoppiceError(
      "context-overflow",
      `The prompt has ${ids.length} tokens; the context holds ${contextLength}, one of them for the output.`,
      `Shorten the prompt to ${contextLength - 1} tokens or fewer, or load the engine with a larger contextLength if the model allows it.`,
    );
  }
  return ids;
}
