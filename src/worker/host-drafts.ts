/** What all requests for drafts share. */
import { invalid } from "../decoder/checks.ts";
import type { DraftsRequest } from "../decoder/drafts-request.ts";
import { checkPrompt } from "../decoder/generate-options.ts";
import { checkRoom, encodePrompt } from "../decoder/prompt.ts";
import type { EngineBackend } from "./host-backend.ts";
import type { Turns } from "./turns.ts";

export interface DraftsCall {
  readonly backend: EngineBackend;
  readonly turns: Turns;
  /** The text, or the text and the drafts that were accepted after it. */
  readonly prompt: unknown;
  readonly options: DraftsRequest;
  readonly requestedAt: number;
  readonly signal: AbortSignal;
}

/** The ids that the drafts follow: the prompt's, and those of the accepted drafts as they are. */
export function promptOf(
  prompt: unknown,
  { tokenizer, facts }: EngineBackend,
): { ids: readonly number[]; isOver: boolean } {
  const [text, ...accepted] = Array.isArray(prompt) ? (prompt as unknown[]) : [prompt];
  const ids = [...encodePrompt(tokenizer, checkPrompt(text))];
  const given = ids.length;
  let isOver = false;
  for (const draft of accepted) {
    const { tokens, done } = (draft ?? {}) as { tokens?: unknown; done?: unknown };
    const isDraft =
      Array.isArray(tokens) &&
      tokens.every((id) => Number.isInteger(id) && id >= 0 && id < facts.vocabSize);
    if (!isDraft) throw invalid("The accepted draft", draft, "a draft of this stream");
    ids.push(...(tokens as number[]));
    isOver ||= done === true;
  }
  checkRoom(given, facts.contextLength, { after: ids.length - given, name: "the accepted drafts" });
  return { ids, isOver };
}
