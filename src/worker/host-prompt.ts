/** From what a page passes as the prompt to ids: text, or a conversation and its template. */
import { resolvePrompt } from "../decoder/chat-options.ts";
import { encodePrompt } from "../decoder/prompt.ts";
import type { EncodedPrompt } from "../options.ts";
import type { EngineBackend } from "./host-backend.ts";

/** @throws CoppiceError `option-unknown`, `option-invalid`, `chat-template-missing`, `chat-template-failed`. */
export function readPrompt(
  { tokenizer }: Pick<EngineBackend, "tokenizer">,
  prompt: unknown,
  chat: unknown,
): EncodedPrompt {
  const resolved = resolvePrompt(prompt, chat);
  if ("text" in resolved) {
    return { text: resolved.text, tokens: encodePrompt(tokenizer, resolved.text) };
  }
  const text = tokenizer.formatChat(resolved.messages, resolved.chat);
  // A template writes the beginning-of-text token itself, where the model wants one.
  return { text, tokens: encodePrompt(tokenizer, text, { isWhole: true }) };
}

/** The options of a request without those of its prompt. */
export function withoutChat(options: unknown): { chat: unknown; rest: unknown } {
  if (typeof options !== "object" || options === null) return { chat: undefined, rest: options };
  const { chat, ...rest } = options as { chat?: unknown };
  return { chat, rest };
}
