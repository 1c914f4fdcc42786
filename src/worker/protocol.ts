/** What page and worker say to each other: control calls by comlink, parts and progress over ports. */
import { transferHandlers } from "comlink";
import { CoppiceError, type WireError } from "../errors.ts";
import type { EncodedPrompt } from "../options.ts";
import type {
  CachedModel,
  DraftsPart,
  EngineFacts,
  LoadProgress,
  ModelInfo,
  StreamPart,
} from "../stream-part.ts";

/** The worker's half, as the page calls it. Options cross unchecked: the worker checks them. */
export interface HostApi {
  /** `port` takes `LoadProgress` up, and ends the loading when the page closes it. */
  load(options: unknown, port: MessagePort): Promise<EngineFacts>;
  /** Answers on `port`, errors too. `prompt` is the text or the messages, and the drafts that were accepted after it. */
  generate(prompt: unknown, options: unknown, port: MessagePort): void;
  /** The prompt as the model gets it. */
  encode(prompt: unknown, chat: unknown): Promise<EncodedPrompt>;
  /** Ends what runs and frees the models and the device. */
  dispose(): Promise<void>;
}

/** What a worker without an engine answers. */
export interface FilesApi {
  modelInfo(model: unknown, options: unknown): Promise<ModelInfo>;
  cachedModels(): Promise<CachedModel[]>;
  /** Resolves to the bytes that are free now. */
  clearCache(source: unknown): Promise<number>;
}

/** Worker to page, on the port of one request. An error is the last message. */
export type StreamMessage =
  | { readonly part: StreamPart | DraftsPart }
  | { readonly error: WireError };

/** Worker to page, on the port of loading. */
export type ProgressMessage = LoadProgress;

/** Page to worker, on the port of one request: end it within a round. */
export const STOP = "stop";

/** comlink's own handler for what a call throws; it keeps no more than message, name and stack. */
interface ThrowHandler {
  canHandle(value: unknown): boolean;
  serialize(thrown: { value: unknown }): [unknown, Transferable[]];
  deserialize(wire: unknown): never;
}

let installed = false;

/**
 * Lets a `CoppiceError` cross with code and fix, in both directions; call it on both sides. Other errors
 * cross as before, since a page that uses comlink itself shares these handlers.
 */
export function installErrorTransfer(): void {
  if (installed) return;
  installed = true;
  const inherited = transferHandlers.get("throw") as unknown as ThrowHandler;
  const handler: ThrowHandler = {
    canHandle: (value) => inherited.canHandle(value),
    serialize: (thrown) =>
      CoppiceError.isInstance(thrown.value)
        ? [{ coppice: thrown.value.toWire() }, []]
        : inherited.serialize(thrown),
    deserialize: (wire) => {
      const { coppice } = wire as { coppice?: WireError };
      if (coppice) throw CoppiceError.fromWire(coppice);
      return inherited.deserialize(wire);
    },
  };
  transferHandlers.set("throw", handler as never);
}
