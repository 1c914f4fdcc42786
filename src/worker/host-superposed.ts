/** Serves requests for drafts: options, n-grams, a session, the stream. */
import { CoppiceError } from "../errors.ts";
import { invalid } from "../decoder/checks.ts";
import { checkPrompt } from "../decoder/generate-options.ts";
import { encodePrompt } from "../decoder/prompt.ts";
import { countSections } from "../decoder/superposed/ngram-count.ts";
import { decodeDrafts } from "../decoder/superposed/decode-drafts.ts";
import { ngramWarnings, resolveDrafts } from "../decoder/superposed/options.ts";
import type { DraftsPart } from "../stream-part.ts";
import type { EngineBackend } from "./host-backend.ts";
import { findNgrams, scale } from "./host-ngrams.ts";
import type { Turns } from "./turns.ts";

export interface DraftsRequest {
  readonly backend: EngineBackend;
  readonly turns: Turns;
  /** The text, or the text and the drafts that were accepted after it. */
  readonly prompt: unknown;
  readonly options: { readonly decoder: object };
  readonly requestedAt: number;
  readonly signal: AbortSignal;
}

/** Everything is checked and read before the turn is taken. */
export async function* draftsParts(request: DraftsRequest): AsyncGenerator<DraftsPart> {
  const { backend, options, signal } = request;
  const { facts, tokenizer } = backend;
  const { decoder, steps, ...rest } = resolveDrafts(options, facts);
  const { ids, isOver } = promptOf(request.prompt, backend);
  const { vocabSize } = facts;
  const found = await findNgrams(decoder, { model: backend.ngrams, tokenizer, vocabSize });
  const { drafts, candidates, temperature, lambdas, reset } = decoder;
  const alpha = found.count > 0 ? decoder.alpha : 0;
  const isUsed = alpha > 0;
  const takesMore = isUsed && found.promptWeight > 0;
  const plan = { drafts, candidates, alpha, temperature, takesMore };
  const endTurn = await request.turns.take(signal);
  try {
    const session = await backend.openSuperposed(JSON.stringify([plan, lambdas, found.key]), {
      ...plan,
      ngrams: isUsed ? found.fixed : [],
    });
    yield* decodeDrafts(session, {
      ...rest,
      warnings: [...rest.warnings, ...ngramWarnings(decoder, options.decoder, found.count)],
      prompt: ids,
      isOver,
      drafts,
      steps,
      reset,
      endOfText: backend.endOfText,
      ngramsOf: (history) =>
        takesMore ? scale(countSections(history, lambdas.length), found.promptWeight, lambdas) : [],
      roundTrip: backend.roundTrip,
      textDecoder: () => tokenizer.textDecoder(ids),
      requestedAt: request.requestedAt,
      signal,
    });
  } finally {
    endTurn();
  }
}

/** The ids that the drafts follow: the prompt's, and those of the accepted drafts as they are. */
function promptOf(
  prompt: unknown,
  { tokenizer, facts }: EngineBackend,
): { ids: readonly number[]; isOver: boolean } {
  const [text, ...accepted] = Array.isArray(prompt) ? (prompt as unknown[]) : [prompt];
  const ids = [...encodePrompt(tokenizer, checkPrompt(text), facts.contextLength)];
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
  if (ids.length + 1 <= facts.contextLength) return { ids, isOver };
  throw new CoppiceError(
    "context-overflow",
    `The prompt and the accepted drafts have ${ids.length} tokens; the context holds ${facts.contextLength}, one of them for the output.`,
    "Start from a shorter prompt, or load the engine with a larger contextLength if the model allows it.",
  );
}
