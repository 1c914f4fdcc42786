/** The worker's object behind the API: loads one engine, and serves its requests one after another. */
import { decode } from "../decoder/decode.ts";
import { armsFor } from "../decoder/adaptive/arms.ts";
import { TreeChooser } from "../decoder/adaptive/tree-chooser.ts";
import { type ResolvedDecoder, resolveGenerateOptions } from "../decoder/generate-options.ts";
import { resolveLoadOptions } from "../decoder/load-options.ts";
import { Meter } from "../decoder/metrics.ts";
import { checkOffered, fitDecoder } from "../decoder/offers.ts";
import { slideOf } from "../decoder/overflow-options.ts";
import { checkRoom } from "../decoder/prompt.ts";
import { CoppiceError, throwIfAborted } from "../errors.ts";
import { wantsDrafts } from "../decoder/drafts-request.ts";
import type { EncodedPrompt } from "../options.ts";
import type { DraftsPart, EngineFacts, StreamPart } from "../stream-part.ts";
import type { RoundSession } from "../tree/rounds.ts";
import type { EngineBackend, OpenBackend } from "./host-backend.ts";
import { LoadMeter } from "./host-progress.ts";
import { readPrompt, withoutChat } from "./host-prompt.ts";
import { sideBySideParts } from "./host-side-by-side.ts";
import { superposedParts } from "./host-superposed.ts";
import type { HostApi, ProgressMessage } from "./protocol.ts";
import { pump, stopSignal } from "./pump.ts";
import { Turns } from "./turns.ts";

export class Host implements HostApi {
  readonly #open: OpenBackend;
  readonly #turns = new Turns();
  /** Fires when the engine is disposed of. */
  readonly #closing = new AbortController();
  readonly #choosers = new WeakMap<RoundSession, TreeChooser>();
  #backend: EngineBackend | undefined;

  constructor(open: OpenBackend) {
    this.#open = open;
  }

  async load(options: unknown, port: MessagePort): Promise<EngineFacts> {
    try {
      if (this.#backend) {
        throw new CoppiceError("internal", "This worker has an engine already.", "Start another.");
      }
      const signal = AbortSignal.any([stopSignal(port), this.#closing.signal]);
      const meter = new LoadMeter((progress: ProgressMessage) => port.postMessage(progress));
      const backend = await this.#open(resolveLoadOptions(options), {
        signal,
        onProgress: (progress) => meter.note(progress),
        onOpen: (model, source, files) => meter.open(model, source, files),
      });
      if (signal.aborted) backend.dispose();
      throwIfAborted(signal);
      this.#backend = backend;
      return backend.facts;
    } catch (error) {
      throw CoppiceError.from(error);
    }
  }

  generate(prompt: unknown, options: unknown, port: MessagePort): void {
    const signal = AbortSignal.any([stopSignal(port), this.#closing.signal]);
    void pump(port, this.#parts(prompt, options, signal));
  }

  async encode(prompt: unknown, chat: unknown): Promise<EncodedPrompt> {
    const backend = this.#backend;
    if (!backend || this.#closing.signal.aborted) throw disposed();
    try {
      return await Promise.resolve(readPrompt(backend, prompt, chat));
    } catch (error) {
      throw CoppiceError.from(error);
    }
  }

  async dispose(): Promise<void> {
    this.#closing.abort(disposed());
    await this.#turns.idle();
    this.#backend?.dispose();
    this.#backend = undefined;
  }

  /** What it learned about this device serves the session's next text too. */
  #chooserOf(session: RoundSession, decoder: ResolvedDecoder): TreeChooser | undefined {
    const { speculation, stages } = decoder;
    if (speculation?.tree.kind !== "auto") return undefined;
    const chooser =
      this.#choosers.get(session) ??
      new TreeChooser(armsFor(speculation.verify, stages.temperature));
    this.#choosers.set(session, chooser);
    return chooser;
  }

  /** Everything is checked before the turn is taken, so a bad request fails at once and holds up nobody. */
  async *#parts(
    prompt: unknown,
    given: unknown,
    signal: AbortSignal,
  ): AsyncGenerator<StreamPart | DraftsPart> {
    const requestedAt = performance.now();
    const backend = this.#backend;
    if (!backend || this.#closing.signal.aborted) throw disposed();
    const { chat, rest: options } = withoutChat(given);
    if (wantsDrafts(options)) {
      checkOffered(options.decoder.kind, backend.facts.capabilities);
      const turns = this.#turns;
      const parts = options.decoder.kind === "superposed" ? superposedParts : sideBySideParts;
      yield* parts({ backend, turns, prompt, chat, options, requestedAt, signal });
      return;
    }
    const { facts, tokenizer, endOfText } = backend;
    const draftShare = (facts.draft?.parameters ?? 0) / facts.target.parameters;
    const meter = new Meter(requestedAt, draftShare);
    const hasDraft = facts.draft !== undefined;
    const { overflow, ...request } = resolveGenerateOptions(options, {
      hasDraft,
      vocabSize: facts.vocabSize,
    });
    const { decoder, warnings } = fitDecoder(request.decoder, facts.capabilities);
    const isAsked = (options as { decoder?: unknown } | undefined)?.decoder !== undefined;
    const { contextLength } = facts;
    const ids = readPrompt(backend, prompt, chat).tokens;
    const { continueFrom } = request;
    const slide = overflow && slideOf(overflow, ids, tokenizer, contextLength);
    if (!slide) {
      checkRoom(ids.length, contextLength, { after: continueFrom.length, name: "continueFrom" });
    }
    const endTurn = await this.#turns.take(signal);
    try {
      const session = await backend.openSession(decoder);
      yield* decode(session, {
        ...request,
        warnings: [...request.warnings, ...(isAsked ? warnings : [])],
        prompt: ids,
        ...(slide && { slide }),
        endOfText,
        roundTrip: backend.roundTrip,
        chooser: this.#chooserOf(session, decoder),
        text: tokenizer.textDecoder([...ids, ...continueFrom]),
        textOf: (id, previous) => tokenizer.textOf(id, previous),
        meter,
        signal,
      });
    } finally {
      endTurn();
    }
  }
}

function disposed(): CoppiceError {
  return new CoppiceError(
    "engine-disposed",
    "The engine was disposed of.",
    "Load a new one with loadEngine.",
  );
}
