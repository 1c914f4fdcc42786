/** Files of one model from wherever they are nearest: kept on the device, in the cache of transformers.js, on the server. */
import type { CoppiceError } from "../../errors.ts";
import type { ListedFile, StoredModel } from "../store/model-store.ts";
import { PIECE_BYTES, type PieceFile } from "../store/piece-file.ts";
import type { SourceAddress } from "./address.ts";
import { findForeign } from "./foreign-cache.ts";
import { hashMismatch, isContent, sha256Of } from "./identity.ts";
import { KeptFile } from "./kept-file.ts";
import { blobFile } from "./memory.ts";
import { discard, type Http } from "./request.ts";
import type { OpenSourceOptions, TensorFile } from "./types.ts";
import { UrlFile } from "./url-file.ts";

/** A file and where it is. */
export interface FilePlace extends ListedFile {
  readonly url: string;
}

type Bytes = Uint8Array<ArrayBuffer>;

export class Keeper {
  readonly #http: Http;
  readonly #address: SourceAddress;
  readonly #options: OpenSourceOptions;
  readonly #downloaded = new Set<string>();
  readonly #found = new Set<string>();
  #stored: Promise<StoredModel | undefined> | undefined;
  #hasWarned = false;

  constructor(http: Http, address: SourceAddress, options: OpenSourceOptions) {
    this.#http = http;
    this.#address = address;
    this.#options = options;
  }

  /** What is kept of this model; undefined where nothing is to be. */
  stored(): Promise<StoredModel | undefined> {
    const { key, label, repository } = this.#address;
    this.#stored ??= Promise.resolve(this.#options.store?.model(key, repository?.name ?? label));
    return this.#stored;
  }

  isFromCache(name: string): boolean {
    return this.#found.has(name) && !this.#downloaded.has(name);
  }

  noteDownload(name: string): void {
    this.#downloaded.add(name);
  }

  async keptBytes(file: FilePlace): Promise<number> {
    const stored = await this.stored();
    const kept = (await stored?.read(file.name, file))?.keptBytes ?? 0;
    if (kept === file.size) return kept;
    return (await this.#foreign(file)) ? file.size : kept;
  }

  /** The kept copy of a small file, of any version where `wanted` is left out. */
  async recall(name: string, wanted?: ListedFile): Promise<Bytes | undefined> {
    const pieces = await (await this.stored())?.read(name, wanted);
    if (!pieces?.complete) return undefined;
    const out = new Uint8Array(pieces.size);
    for (let i = 0; i < pieces.pieces; i++) {
      const piece = await pieces.readPiece(i);
      if (!piece) return undefined;
      out.set(piece, i * PIECE_BYTES);
    }
    this.#found.add(name);
    return out;
  }

  async keep(file: ListedFile, bytes: Bytes): Promise<void> {
    const stored = await this.stored();
    const pieces = await stored?.write(file.name, file);
    if (!stored || !pieces) return;
    for (let i = 0; i < pieces.pieces; i++) {
      const piece = bytes.slice(i * PIECE_BYTES, (i + 1) * PIECE_BYTES);
      if (await stored.whileThereIsRoom(() => pieces.writePiece(i, piece))) continue;
      this.#warnFull();
      break;
    }
    if (pieces.complete) pieces.markVerified();
    pieces.close();
  }

  /**
   * All of a small file.
   * @throws CoppiceError `hash-mismatch`, `network`
   */
  async whole(file: FilePlace): Promise<Bytes | undefined> {
    const kept = (await this.recall(file.name, file)) ?? (await this.#foreignBytes(file));
    if (kept) return kept;
    for (let tries = 1; ; tries++) {
      const response = await this.#http.get(file.url);
      if (!response.ok) {
        await discard(response);
        return undefined;
      }
      this.noteDownload(file.name);
      let bytes: Bytes;
      try {
        bytes = new Uint8Array(await response.arrayBuffer());
      } catch (cause) {
        const error: CoppiceError = this.#http.failure(file.url, cause);
        if (error.code === "aborted" || tries > 3) throw error;
        await this.#http.pause(tries);
        continue;
      }
      if (await isContent(bytes, file)) {
        await this.keep(file, bytes);
        return bytes;
      }
      // A proxy may have kept an old one.
      if (tries > 1) throw hashMismatch(file.name);
    }
  }

  /** A large file, opened. `response` is an answer to a request for it, where there is one already. */
  async open(file: FilePlace, response?: Response): Promise<TensorFile> {
    const { name, size } = file;
    const stored = await this.stored();
    const there = await stored?.read(name, file);
    const blob = there?.complete ? undefined : await this.#foreign(file);
    if (blob) {
      if (response) await discard(response);
      this.#found.add(name);
      return blobFile(name, blob);
    }
    const kept = stored && (await this.#pieces(stored, file, there));
    if (kept?.complete) this.#found.add(name);
    const uncached = kept !== undefined;
    const network = new UrlFile(name, file.url, this.#http, {
      size,
      uncached,
      ...(response && { response }),
    });
    if (!kept && sha256Of(file) === undefined) {
      this.noteDownload(name);
      return network;
    }
    return new KeptFile({
      name,
      identity: file,
      network,
      pieces: kept,
      stored,
      onDownload: () => this.noteDownload(name),
      onFull: () => this.#warnFull(),
    });
  }

  /** Open for reading where nothing is left to be done, else for writing where nobody else does. */
  async #pieces(
    stored: StoredModel,
    file: FilePlace,
    there: PieceFile | undefined,
  ): Promise<PieceFile | undefined> {
    if (there?.complete && (there.verified || sha256Of(file) === undefined)) return there;
    const pieces = await stored.write(file.name, file);
    if (!pieces && !there) this.#warnFull();
    return pieces ?? there;
  }

  async #foreign(file: FilePlace): Promise<Blob | undefined> {
    const { caches, signal } = this.#options;
    const urls = [...new Set([this.#address.file(file.name), file.url])];
    const stored = await this.stored();
    return findForeign({ caches, urls, wanted: file, stored, signal });
  }

  async #foreignBytes(file: FilePlace): Promise<Bytes | undefined> {
    const blob = await this.#foreign(file);
    if (!blob) return undefined;
    this.#found.add(file.name);
    return new Uint8Array(await blob.arrayBuffer());
  }

  #warnFull(): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.onWarning?.(
      `Not all of ${this.#address.label} is kept on this device: there is no room, or another engine is keeping it right now.`,
    );
  }
}
