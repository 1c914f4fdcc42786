/** One large file over HTTP, as a `TensorFile`. */
import { invalid } from "../formats/safetensors.ts";
import type { TensorFile } from "./types.ts";
import { discard, type Http } from "./request.ts";

/** Reading on over a smaller gap is cheaper than a new request. */
const WORTH_A_REQUEST = 8 * 2 ** 20;

type Reader = ReadableStreamDefaultReader<Uint8Array<ArrayBuffer>>;

export class UrlFile implements TensorFile {
  readonly name: string;
  readonly size: number | undefined;
  readonly #url: string;
  readonly #http: Http;
  #reader: Reader;
  /** Where in the file `#piece` begins; what is before has been read. */
  #position = 0;
  #piece = new Uint8Array();
  /** False once the server has ignored a Range header. */
  #ranges = true;

  constructor(name: string, url: string, response: Response, http: Http) {
    this.name = name;
    this.#url = url;
    this.#http = http;
    this.size = fullSize(response);
    this.#reader = readerOf(response);
  }

  async read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    await this.#seek(start);
    const out = new Uint8Array(end - start);
    for (let filled = 0; filled < out.length;) {
      if (this.#piece.length === 0) await this.#pull(end);
      const part = this.#piece.subarray(0, out.length - filled);
      out.set(part, filled);
      filled += part.length;
      this.#drop(part.length);
    }
    return out;
  }

  dispose(): void {
    void this.#reader.cancel().catch(() => undefined);
  }

  /** Moves to `start`: over what comes anyway, or by a new request from there. */
  async #seek(start: number): Promise<void> {
    const gap = start - this.#position;
    if (gap < 0 || (gap > WORTH_A_REQUEST && this.#ranges)) await this.#reopen(start, gap < 0);
    while (this.#position < start) {
      if (this.#piece.length === 0) await this.#pull(start);
      this.#drop(Math.min(this.#piece.length, start - this.#position));
    }
  }

  async #reopen(start: number, backwards: boolean): Promise<void> {
    const response = await this.#http.get(this.#url, this.#ranges ? start : undefined);
    if (!response.ok) throw invalid(this.name, `ends before byte ${start}`);
    const partial = response.status === 206;
    const range = response.headers.get("content-range");
    if (partial && range !== null && !range.startsWith(`bytes ${start}-`)) {
      await discard(response);
      throw this.#http.failure(this.#url, `asked for bytes from ${start}, got "${range}"`);
    }
    this.#ranges &&= partial;
    if (!partial && !backwards) {
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
      piece = await this.#reader.read();
    } catch (cause) {
      throw this.#http.failure(this.#url, cause);
    }
    if (piece.done)
      throw invalid(this.name, `is cut short: it ends at byte ${this.#position}, before ${wanted}`);
    this.#piece = piece.value;
  }

  #drop(bytes: number): void {
    this.#piece = this.#piece.subarray(bytes);
    this.#position += bytes;
  }
}

/** In bytes. A compressed response's length is not that of the file, so it says nothing. */
function fullSize(response: Response): number | undefined {
  const length = response.headers.get("content-length");
  if (length === null || (response.headers.get("content-encoding") ?? "identity") !== "identity")
    return undefined;
  return Number(length);
}

function readerOf(response: Response): Reader {
  const body: ReadableStream<Uint8Array<ArrayBuffer>> = response.body ?? new Blob([]).stream();
  return body.getReader();
}
