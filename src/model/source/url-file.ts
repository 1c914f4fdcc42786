/** One large file over HTTP, as a `TensorFile`. A connection that breaks off is taken up again where it broke. */
import { CoppiceError } from "../../errors.ts";
import { invalid } from "../formats/safetensors.ts";
import type { TensorFile } from "./types.ts";
import { discard, type Http } from "./request.ts";

/** Reading on over a smaller gap is cheaper than a new request. */
const WORTH_A_REQUEST = 8 * 2 ** 20;

/** Tries in a row that bring nothing. */
const MAX_FAILURES = 5;

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

export interface UrlFileOptions {
  /** An answer to a request for the whole file; without it, the first read asks for what it needs. */
  readonly response?: Response;
  /** In bytes, where it is known from elsewhere. */
  readonly size?: number;
  /** Keeps it out of the browser's own cache. */
  readonly uncached?: boolean;
}

export class UrlFile implements TensorFile {
  readonly name: string;
  readonly size: number | undefined;
  readonly #url: string;
  readonly #http: Http;
  readonly #uncached: boolean;
  #reader: Reader | undefined;
  /** Where in the file `#piece` begins; what is before has been read. */
  #position = 0;
  #piece = new Uint8Array();
  /** False once the server has ignored a Range header. */
  #ranges = true;

  constructor(name: string, url: string, http: Http, options: UrlFileOptions) {
    this.name = name;
    this.#url = url;
    this.#http = http;
    this.#uncached = options.uncached ?? false;
    this.size = options.size ?? (options.response && fullSize(options.response));
    this.#reader = options.response && readerOf(options.response);
  }

  async read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const out = new Uint8Array(end - start);
    let filled = 0;
    let failures = 0;
    for (;;) {
      const before = filled;
      try {
        await this.#seek(start + filled);
        while (filled < out.length) {
          if (this.#piece.length === 0) await this.#pull(end);
          const part = this.#piece.subarray(0, out.length - filled);
          out.set(part, filled);
          filled += part.length;
          this.#drop(part.length);
        }
        return out;
      } catch (error) {
        failures = filled > before ? 1 : failures + 1;
        await this.#recover(error, failures);
      }
    }
  }

  dispose(): void {
    void this.#reader?.cancel().catch(() => undefined);
    this.#reader = undefined;
  }

  /** Waits before the next try, where there is to be one: after a connection that broke off, and whatever followed from that. */
  async #recover(error: unknown, failures: number): Promise<void> {
    const isBroken = error instanceof BrokenOff;
    const why = isBroken ? error.error : error;
    const again =
      isBroken || (failures > 1 && CoppiceError.isInstance(why) && why.code === "network");
    if (!again || failures > MAX_FAILURES) throw why;
    this.dispose();
    this.#piece = new Uint8Array();
    await this.#http.pause(failures);
  }

  /** Moves to `start`: over what comes anyway, or by a new request from there. */
  async #seek(start: number): Promise<void> {
    const gap = start - this.#position;
    const far = gap < 0 || (gap > WORTH_A_REQUEST && this.#ranges);
    if (!this.#reader || far) await this.#reopen(start, gap < 0);
    while (this.#position < start) {
      if (this.#piece.length === 0) await this.#pull(start);
      this.#drop(Math.min(this.#piece.length, start - this.#position));
    }
  }

  async #reopen(start: number, backwards: boolean): Promise<void> {
    const from = this.#ranges && start > 0 ? start : undefined;
    const response = await this.#http.get(this.#url, { from, uncached: this.#uncached });
    if (!response.ok) throw invalid(this.name, `ends before byte ${start}`);
    const partial = response.status === 206;
    const range = response.headers.get("content-range");
    if (partial && range !== null && !range.startsWith(`bytes ${start}-`)) {
      await discard(response);
      throw this.#http.failure(this.#url, `asked for bytes from ${start}, got "${range}"`);
    }
    if (from !== undefined) this.#ranges = partial;
    if (!partial && !backwards && this.#reader) {
      await discard(response); // The old body is already nearer.
      return;
    }
    this.dispose();
    this.#reader = readerOf(response);
    this.#piece = new Uint8Array();
    this.#position = partial ? start : 0;
  }

  async #pull(wanted: number): Promise<void> {
    let piece;
    try {
      piece = await this.#reader!.read();
    } catch (cause) {
      const error = this.#http.failure(this.#url, cause);
      throw error.code === "aborted" ? error : new BrokenOff(error);
    }
    if (piece.done) {
      const problem = `is cut short: it ends at byte ${this.#position}, before ${wanted}`;
      const error = invalid(this.name, problem);
      // Of a response without a length, this is how a connection looks that broke off.
      throw this.#position < (this.size ?? 0) ? new BrokenOff(error) : error;
    }
    this.#piece = piece.value;
  }

  #drop(bytes: number): void {
    this.#piece = this.#piece.subarray(bytes);
    this.#position += bytes;
  }
}

/** A body that ended before its time: another request may bring the rest. */
class BrokenOff extends Error {
  readonly error: CoppiceError;

  constructor(error: CoppiceError) {
    super(error.message);
    this.error = error;
  }
}

/** In bytes. A compressed response's length is not that of the file, so it says nothing. */
export function fullSize(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  if (length === null || (response.headers.get("content-encoding") ?? "identity") !== "identity")
    return undefined;
  return Number(length);
}

function readerOf(response: Response): Reader {
  const body: ReadableStream<Uint8Array<ArrayBuffer>> = response.body ?? new Blob([]).stream();
  return body.getReader();
}
