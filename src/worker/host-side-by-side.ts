/** Serves requests for texts that grow side by side: beams and samples. */
import { CoppiceError } from "../errors.ts";
import { resolveDraftsRequest } from "../decoder/drafts-request.ts";
import { resolveBeam } from "../decoder/side-by-side/beam-options.ts";
import { beamsSideBySide } from "../decoder/side-by-side/beams.ts";
import { decodeSideBySide, type SideBySide } from "../decoder/side-by-side/decode-side-by-side.ts";
import { resolveSamples } from "../decoder/side-by-side/samples-options.ts";
import { samplesSideBySide } from "../decoder/side-by-side/samples.ts";
import type { DraftsPart } from "../stream-part.ts";
import { END_CAPACITY } from "../tree/index.ts";
import { type DraftsCall, promptOf } from "./host-drafts.ts";

/** Everything is checked before the turn is taken. */
export async function* sideBySideParts(call: DraftsCall): AsyncGenerator<DraftsPart> {
  const { backend, options, requestedAt, signal } = call;
  const { tokenizer, facts, roundTrip } = backend;
  const { seed, ...request } = resolveDraftsRequest(options, facts);
  const open = opener(call, seed);
  if (options.decoder.kind === "beam" && seed !== 0) {
    request.warnings.push("seed is given, but nothing is drawn.");
  }
  const { ids, isOver } = promptOf(call);
  const endTurn = await call.turns.take(signal);
  try {
    const session = await open();
    if (session.mostSteps(ids.length) < 1) throw tooLong(ids.length, facts.contextLength);
    yield* decodeSideBySide(session, {
      ...request,
      prompt: ids,
      isOver,
      roundTrip,
      textDecoder: () => tokenizer.textDecoder(ids),
      requestedAt,
      signal,
    });
  } finally {
    endTurn();
  }
}

/** Checks the decoder's options, and gives what opens its session. */
function opener({ backend, options }: DraftsCall, seed: number): () => Promise<SideBySide> {
  const { endOfText, facts } = backend;
  if (options.decoder.kind === "samples") {
    const shape = resolveSamples(options.decoder);
    return async () => samplesSideBySide(await backend.openSamples(shape), seed, endOfText);
  }
  // A control block holds so many; a text that ends with another is found to have ended when it is read back.
  const endTokens = [...endOfText].slice(0, END_CAPACITY);
  const decoder = resolveBeam(options.decoder, { ...facts, ends: endTokens.length });
  const shape = { ...decoder, ends: endTokens.length };
  return async () =>
    beamsSideBySide(await backend.openBeams(shape), decoder.lengthPenalty, endTokens);
}

function tooLong(tokens: number, contextLength: number): CoppiceError {
  return new CoppiceError(
    "context-overflow",
    `A prompt of ${tokens} tokens leaves no room for texts side by side in a context of ${contextLength}.`,
    "Shorten the prompt, ask for fewer texts, or load the engine with a larger contextLength.",
  );
}
