/** The page's half: starts the worker, and gives engines and streams. Knows nothing of how text is made. */
import { releaseProxy, type Remote, transfer, wrap } from "comlink";
import { aborted, CoppiceError, throwIfAborted } from "./errors.ts";
import type {
  ChatMessage,
  ChatOptions,
  DraftsOptions,
  EncodedPrompt,
  GenerateOptions,
  LoadOptions,
  ModelInfoOptions,
  ModelSource,
  ModelSpec,
} from "./options.ts";
import type {
  AdapterFacts,
  CachedModel,
  DraftsStream,
  EngineFacts,
  GenerateStream,
  ModelInfo,
} from "./stream-part.ts";
import {
  type FilesApi,
  type HostApi,
  installErrorTransfer,
  type ProgressMessage,
} from "./worker/protocol.ts";
import { TokenStream } from "./worker/token-stream.ts";
import { tokenizerParts } from "./worker/tokenizer-parts.ts";

type Prompt = string | readonly ChatMessage[];

/** How long a worker may take to free what it holds, in milliseconds, before it is ended by force. */
const DISPOSE_LIMIT = 2000;

/**
 * Loads a model, and a draft model where one is given, in a worker of its own.
 *
 * @throws CoppiceError before anything is fetched: `option-unknown`, `option-invalid`.
 * While loading: `adapter-missing`, `source-invalid`, `network`, `file-missing`, `config-missing`,
 * `config-invalid`, `architecture-unknown`, `tokenizer-invalid`, `tensor-missing`, `tensor-invalid`,
 * `weights-invalid`, `vocabulary-mismatch`, `buffer-too-large`, `out-of-memory`, `shader-invalid`,
 * `device-unsupported`, `fallback-failed`, `worker-failed`, and `aborted` when the signal fires. Whatever was loaded is
 * freed then.
 */
export async function loadEngine(options: LoadOptions): Promise<Engine> {
  const { onProgress, signal, ...rest } = options ?? {};
  checkSignal(signal);
  throwIfAborted(signal);
  const link = startWorker();
  const { port1, port2 } = new MessageChannel();
  port1.addEventListener("message", ({ data }: MessageEvent<ProgressMessage>) => {
    onProgress?.(data);
  });
  port1.start();
  let stop: (() => void) | undefined;
  const stopped = new Promise<never>((_, reject) => {
    stop = () => reject(aborted(signal?.reason));
    signal?.addEventListener("abort", stop);
  });
  try {
    const load = async (): Promise<EngineFacts> => {
      const target = await portable(rest.target);
      const draft = await portable(rest.draft);
      const fallbackUrl = await portable(rest.fallbackUrl);
      const tokenizer = tokenizerParts(rest.tokenizer);
      const given = { ...rest, target, draft, fallbackUrl, tokenizer };
      return link.host.load(given, transfer(port2, [port2]));
    };
    return new Engine(link, await Promise.race([load(), link.failed, stopped]));
  } catch (error) {
    // Ending the worker ends its downloads and frees its device.
    link.worker.terminate();
    throw typed(error);
  } finally {
    signal?.removeEventListener("abort", stop!);
    port1.close();
  }
}

/**
 * What a model is and weighs, and how much of it is on the device already. Of its weights only headers are read; no GPU is needed.
 *
 * @throws CoppiceError `option-unknown`, `option-invalid`, `source-invalid`, `network`, `access-denied`, `worker-failed`. Why a model
 * that was found cannot be loaded is its `problem`.
 */
export function modelInfo(
  model: ModelSource | ModelSpec,
  options?: ModelInfoOptions,
): Promise<ModelInfo> {
  return ask(async (host) => host.modelInfo(await portable(model), options));
}

/** Models of which files are kept on the device, the one used last first. */
export function cachedModels(): Promise<CachedModel[]> {
  return ask((host) => host.cachedModels());
}

/**
 * Removes what is kept of a model (as it was loaded, or `CachedModel.source`), or of all. Engines that are loaded are not concerned.
 * Resolves to the bytes that are free now.
 */
export function clearCache(source?: string): Promise<number> {
  return ask((host) => host.clearCache(source));
}

/** Starts a worker for one question. */
async function ask<T>(question: (host: Remote<HostApi & FilesApi>) => Promise<T>): Promise<T> {
  const { worker, host, failed } = startWorker();
  try {
    return await Promise.race([question(host), failed]);
  } catch (error) {
    throw typed(error);
  } finally {
    worker.terminate();
  }
}

interface WorkerLink {
  readonly worker: Worker;
  readonly host: Remote<HostApi & FilesApi>;
  /** Rejects when the worker's script cannot be run, or an error in it was caught by nobody. */
  readonly failed: Promise<never>;
}

/** Loaded models in a worker, ready to generate. Made by `loadEngine`. */
export class Engine {
  /** What was loaded. */
  readonly facts: EngineFacts;
  readonly #link: WorkerLink;
  readonly #streams = new Set<TokenStream>();
  /** Why there is nothing more to be had of this engine. */
  #closed: CoppiceError | undefined;
  #disposing: Promise<void> | undefined;

  /** @internal */
  constructor(link: WorkerLink, facts: EngineFacts) {
    this.#link = link;
    this.facts = facts;
    // Weak, so that an engine which the page forgot can be collected, and its worker be let go.
    const self = new WeakRef(this);
    link.failed.catch((error: CoppiceError) => {
      const engine = self.deref();
      if (engine) engine.#close(error, error);
    });
  }

  /** Which GPU the models run on. */
  get adapter(): AdapterFacts {
    return this.facts.adapter;
  }

  /**
   * Continues `prompt`: a text, or a conversation that the model's chat template turns into one. The text starts at once; requests made while another runs are served after it.
   * An empty prompt is the beginning-of-text token alone.
   *
   * Errors come out of the stream and its `result`: `option-unknown`, `option-invalid`, `tree-invalid`,
   * `decoder-unsupported`, `chat-template-missing`, `chat-template-failed`,
   * `context-overflow` (nothing was run then, and the engine serves the next request), `aborted`,
   * `engine-disposed`, `device-lost`, `out-of-memory`, `worker-failed`.
   */
  generate(prompt: Prompt, options?: GenerateOptions): GenerateStream;
  /** The same with a decoder that gives a set of drafts, which its stream revises as they grow. */
  generate(prompt: Prompt, options: DraftsOptions): DraftsStream;
  generate(prompt: Prompt, options?: GenerateOptions | DraftsOptions): unknown {
    return this.#generate(prompt, options);
  }

  /** The prompt as the model gets it: the text, of a conversation what its template makes of it, and its token ids. */
  async encode(prompt: Prompt, chat?: ChatOptions): Promise<EncodedPrompt> {
    if (this.#closed) throw this.#closed;
    return this.#link.host.encode(prompt, chat);
  }

  /** `prompt`: the text or the messages, and the drafts accepted after it. */
  #generate(prompt: unknown, options?: GenerateOptions | DraftsOptions): TokenStream {
    const { signal, ...rest } = options ?? {};
    const { port1, port2 } = new MessageChannel();
    const stop = (): void => stream.fail(aborted(signal?.reason));
    const stream: TokenStream = new TokenStream(port1, () => {
      if (this.#streams.delete(stream)) signal?.removeEventListener("abort", stop);
    });
    stream.accept = (draft) => {
      stop();
      return this.#generate([prompt, draft].flat(), options);
    };
    try {
      if (this.#closed) throw this.#closed;
      checkSignal(signal);
      throwIfAborted(signal);
      this.#streams.add(stream);
      signal?.addEventListener("abort", stop);
      const call = this.#link.host.generate(prompt, rest, transfer(port2, [port2]));
      call.catch((error: unknown) => stream.fail(typed(error)));
    } catch (error) {
      stream.fail(typed(error));
    }
    return stream;
  }

  /**
   * Ends what runs with code `aborted`, frees the models, the GPU device and the worker. Later calls of
   * `generate` fail with `engine-disposed`; disposing twice is no error.
   */
  dispose(): Promise<void> {
    return (this.#disposing ??= this.#dispose());
  }

  async #dispose(): Promise<void> {
    const reason = "The engine was disposed of.";
    const closed = new CoppiceError("engine-disposed", reason, "Load another with loadEngine.");
    const worked = this.#closed === undefined;
    this.#close(closed, aborted(closed));
    if (worked) {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const limit = new Promise((resolve) => (timer = setTimeout(resolve, DISPOSE_LIMIT)));
      await Promise.race([this.#link.host.dispose(), limit]).catch(() => undefined);
      clearTimeout(timer);
    }
    this.#link.host[releaseProxy]();
    this.#link.worker.terminate();
  }

  #close(closed: CoppiceError, error: CoppiceError): void {
    this.#closed ??= closed;
    for (const stream of this.#streams) stream.fail(error);
  }
}

function startWorker(): WorkerLink {
  installErrorTransfer();
  try {
    // In one piece, or bundlers do not see the worker.
    const worker = new Worker(new URL("./worker/entry.ts", import.meta.url), { type: "module" });
    const failed = new Promise<never>((_, reject) => {
      worker.addEventListener("error", (event) => {
        worker.terminate();
        reject(workerFailed(event.message));
      });
    });
    failed.catch(() => undefined);
    return { worker, host: wrap<HostApi & FilesApi>(worker), failed };
  } catch (error) {
    throw workerFailed(error instanceof Error ? error.message : undefined, error);
  }
}

/** Scripts that do not load give an event without a message. */
function workerFailed(message = "its script could not be loaded", cause?: unknown): CoppiceError {
  return new CoppiceError(
    "worker-failed",
    `The worker failed: ${message}.`,
    "Serve the package's dist folder whole and from the page's own origin, and allow it in worker-src if the page has a content security policy.",
    { cause },
  );
}

/** The other options are checked in the worker; a signal stays here. */
function checkSignal(signal: AbortSignal | undefined): void {
  if (!signal || typeof signal.addEventListener === "function") return;
  const fix = "Pass the signal of an AbortController.";
  throw new CoppiceError("option-invalid", "signal is no AbortSignal.", fix);
}

/** Errors of the browser's own on the way to the worker, as ours. */
function typed(error: unknown): CoppiceError {
  if (!(error instanceof DOMException) || error.name !== "DataCloneError") {
    return CoppiceError.from(error);
  }
  const fix = "Pass plain values, without functions or class instances.";
  return new CoppiceError("option-invalid", `The options cannot be sent: ${error.message}`, fix);
}

/** A model source as the worker needs it: it has another base for URLs, and cannot be sent a `Response`. */
async function portable(source: unknown): Promise<unknown> {
  if (typeof source === "string") {
    if (!/^\.{0,2}\//.test(source)) return source;
    // A page's own worker has no document.
    return new URL(source, globalThis.document?.baseURI ?? location.href).href;
  }
  if (typeof source !== "object" || source === null) return source;
  if ("model" in source) return { ...source, model: await portable(source.model) };
  const { files: given } = source as { files?: unknown };
  if (typeof given !== "object" || !given || given instanceof Map) return source;
  const files = Object.entries(given).map(async ([name, content]: [string, unknown]) => [
    name,
    content instanceof Response ? await body(name, content) : content,
  ]);
  return { ...source, files: Object.fromEntries(await Promise.all(files)) as object };
}

/** A body can be read once, but a target and a draft may be made of the same response. */
const bodies = new WeakMap<Response, Promise<Blob>>();

async function body(name: string, response: Response): Promise<Blob> {
  const what = `The response for "${name}"`;
  if (!response.ok) {
    throw new CoppiceError("network", `${what} has status ${response.status}.`, "Check its URL.");
  }
  const blob = bodies.get(response) ?? response.blob();
  bodies.set(response, blob);
  return blob.catch((cause: unknown) => {
    const fix = "Pass a response whose body nobody has read.";
    throw new CoppiceError("network", `${what} cannot be read.`, fix, { cause });
  });
}
