/** A few bytes of a large file over HTTP: every read is a request for a range of its own. */
import { invalid } from "../formats/safetensors.ts";
import { discard, type Http } from "./request.ts";
import type { TensorFile } from "./types.ts";
import { UrlFile } from "./url-file.ts";

/** The least that is asked for: the headers of most files are shorter, so that one request does. */
const LEAST_BYTES = 2 ** 16;

export class PeekFile implements TensorFile {
  readonly name: string;
  readonly size: number | undefined;
  readonly #url: string;
  readonly #http: Http;
  #start = 0;
  #bytes = new Uint8Array();

  constructor(name: string, url: string, http: Http, size: number | undefined) {
    this.name = name;
    this.size = size;
    this.#url = url;
    this.#http = http;
  }

  async read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (end > (this.size ?? Infinity)) throw invalid(this.name, `ends before byte ${end}`);
    const known = this.#start <= start && end <= this.#start + this.#bytes.length;
    if (!known) {
      const most = Math.min(Math.max(end, start + LEAST_BYTES), this.size ?? Infinity);
      this.#bytes = await this.#fetch(start, most);
      this.#start = start;
    }
    const out = this.#bytes.subarray(start - this.#start, end - this.#start);
    if (out.length < end - start) throw invalid(this.name, `ends before byte ${end}`);
    return out;
  }

  dispose(): void {}

  async #fetch(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const response = await this.#http.get(this.#url, { from: start, to: end });
    if (!response.ok) {
      await discard(response);
      throw invalid(this.name, `ends before byte ${start}`);
    }
    if (response.status !== 206) {
      // The server knows no ranges: as much as is needed is read, and the rest is left.
      const file = new UrlFile(this.name, this.#url, this.#http, { response });
      const bytes = await file.read(start, Math.min(end, file.size ?? end));
      file.dispose();
      return bytes;
    }
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (cause) {
      throw this.#http.failure(this.#url, cause);
    }
  }
}
