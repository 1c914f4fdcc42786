/** What all requests for drafts share. */
import { invalid } from "../decoder/checks.ts";
import type { DraftsRequest } from "../decoder/drafts-request.ts";
import { checkRoom } from "../decoder/prompt.ts";
import type { EngineBackend } from "./host-backend.ts";
import { readPrompt } from "./host-prompt.ts";
import type { Turns } from "./turns.ts";

export interface DraftsCall {
  readonly backend: EngineBackend;
  readonly turns: Turns;
  /** The text or the messages, and the drafts that were accepted after it. */
  readonly prompt: unknown;
  /** How messages become text. */
  readonly chat: unknown;
  readonly options: DraftsRequest;
  readonly requestedAt: number;
  readonly signal: AbortSignal;
}

/** The ids that the drafts follow: the prompt's, and those of the accepted drafts as they are. */
export function promptOf({ prompt, chat, backend }: DraftsCall): {
  ids: readonly number[];
  isOver: boolean;
} {
  const { facts } = backend;
  const all: unknown[] = Array.isArray(prompt) ? prompt : [prompt];
  const messages = all.filter(isMessage);
  const accepted = all.slice(messages.length || 1);
  const ids = [...readPrompt(backend, messages.length > 0 ? messages : all[0], chat).tokens];
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

function isMessage(value: unknown): boolean {
  return typeof value === "object" && value !== null && "role" in value;
}
