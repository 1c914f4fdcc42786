/** Serves requests for superposed drafts: options, n-grams, a session, the stream. */
import { countSections } from "../decoder/superposed/ngram-count.ts";
import { decodeDrafts } from "../decoder/superposed/decode-drafts.ts";
import { ngramWarnings, resolveDrafts } from "../decoder/superposed/options.ts";
import type { DraftsPart } from "../stream-part.ts";
import { type DraftsCall, promptOf } from "./host-drafts.ts";
import { findNgrams, scale } from "./host-ngrams.ts";

/** Everything is checked and read before the turn is taken. */
export async function* superposedParts(request: DraftsCall): AsyncGenerator<DraftsPart> {
  const { backend, options, signal } = request;
  const { facts, tokenizer } = backend;
  const { decoder, steps, ...rest } = resolveDrafts(options, facts);
  const { ids, isOver } = promptOf(request);
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
      warnings: [
        ...rest.warnings,
        ...ngramWarnings(decoder, options.decoder as { alpha?: unknown }, found.count),
      ],
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
