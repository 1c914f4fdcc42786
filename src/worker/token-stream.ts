/** The page's half of a request's port: parts as they arrive, to iterate over or to await. */
import { aborted, CoppiceError } from "../errors.ts";
import type { Draft, DraftsPart, GenerateResult, PartStream, StreamPart } from "../stream-part.ts";
import { STOP, type StreamMessage } from "./protocol.ts";

interface Waiting<Part> {
  resolve(result: IteratorResult<Part, undefined>): void;
  reject(error: CoppiceError): void;
}

interface Settle<Result> {
  resolve(result: Result): void;
  reject(error: CoppiceError): void;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Reads a port until the text ends, an error arrives, or the page stops it. Parts that arrived before an
 * error of the worker are still given; stopping drops them.
 */
export class TokenStream<
  Part extends StreamPart | DraftsPart = StreamPart,
  Result = GenerateResult,
> implements PartStream<Part, Result> {
  readonly result: Promise<Result>;
  /** Set where a stream gives drafts. */
  accept?: (draft: Draft) => unknown;
  readonly #port: MessagePort;
  readonly #onEnd: () => void;
  readonly #settle: Settle<Result>;
  readonly #parts: Part[] = [];
  readonly #waiting: Waiting<Part>[] = [];
  #ended = false;
  /** Thrown once to whoever iterates. */
  #error: CoppiceError | undefined;

  /** `onEnd` is called once, when nothing more will be asked of the worker. */
  constructor(port: MessagePort, onEnd: () => void = () => undefined) {
    this.#port = port;
    this.#onEnd = onEnd;
    let settle!: Settle<Result>;
    this.result = new Promise((resolve, reject) => {
      settle = { resolve, reject };
    });
    this.#settle = settle;
    // Whoever only iterates learns of an error there.
    this.result.catch(() => undefined);
    port.addEventListener("message", ({ data }: MessageEvent<StreamMessage>) => {
      if ("error" in data) this.#end(CoppiceError.fromWire(data.error));
      else this.#receive(data.part as Part);
    });
    port.start();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<IteratorResult<Part, undefined>> {
    const value = this.#parts.shift();
    if (value) return Promise.resolve({ done: false, value });
    if (!this.#ended) {
      return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
    }
    const error = this.#error;
    this.#error = undefined;
    return error ? Promise.reject(error) : Promise.resolve(DONE);
  }

  /** What leaving a `for await` loop calls: the worker stops within a round. */
  return(): Promise<IteratorResult<Part, undefined>> {
    this.fail(aborted());
    this.#parts.length = 0;
    this.#error = undefined;
    return Promise.resolve(DONE);
  }

  /** Stops the worker, drops what was not read yet, and fails with `error`. Does nothing after the end. */
  fail(error: CoppiceError): void {
    if (this.#ended) return;
    const port = this.#port;
    port.postMessage(STOP);
    this.#parts.length = 0;
    this.#end(error);
  }

  #receive(part: Part): void {
    if (this.#ended) return;
    const reader = this.#waiting.shift();
    if (reader) reader.resolve({ done: false, value: part });
    else this.#parts.push(part);
    if (part.type !== "text-end") return;
    this.#settle.resolve(part.result as Result);
    this.#end();
  }

  #end(error?: CoppiceError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#port.close();
    if (error) this.#settle.reject(error);
    const reader = this.#waiting.shift();
    if (error && reader) reader.reject(error);
    else {
      this.#error = error;
      reader?.resolve(DONE);
    }
    for (const other of this.#waiting.splice(0)) other.resolve(DONE);
    this.#onEnd();
  }
}
