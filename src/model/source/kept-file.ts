/** A large file whose pieces come from the device where they are kept, else over the network, and are kept then. */
import { invalid } from "../formats/safetensors.ts";
import type { StoredModel } from "../store/model-store.ts";
import { PIECE_BYTES, type FileIdentity, type PieceFile } from "../store/piece-file.ts";
import { Sha256 } from "../store/sha256.ts";
import { hashMismatch, sha256Of } from "./identity.ts";
import type { TensorFile } from "./types.ts";

export interface KeptFileParts {
  readonly name: string;
  readonly identity: FileIdentity;
  readonly network: TensorFile;
  /** Undefined: nothing is kept, only checked. */
  readonly pieces: PieceFile | undefined;
  readonly stored: StoredModel | undefined;
  /** Called when the first byte comes over the network. */
  readonly onDownload: () => void;
  /** Called where keeping had to end, since there is no more room. */
  readonly onFull: () => void;
}

export class KeptFile implements TensorFile {
  readonly name: string;
  readonly size: number;
  readonly #parts: KeptFileParts;
  #pieces: PieceFile | undefined;
  #current: { readonly index: number; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;
  /** Of the pieces before `#hashed`; undefined where the hash is not known, or was found right before. */
  #hash: Sha256 | undefined;
  #hashed = 0;
  /** Reads take turns. */
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;

  constructor(parts: KeptFileParts) {
    this.#parts = parts;
    this.name = parts.name;
    this.size = parts.identity.size;
    this.#pieces = parts.pieces;
    const isKnown = sha256Of(parts.identity) !== undefined && !parts.pieces?.verified;
    this.#hash = isKnown ? new Sha256() : undefined;
  }

  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    const run = this.#last.then(() => this.#read(start, end));
    this.#last = run.catch(() => undefined);
    return run;
  }

  dispose(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#parts.network.dispose();
    const close = (): void => this.#pieces?.close();
    void this.#last.then(close, close);
  }

  async #read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
    if (end > this.size) {
      throw invalid(this.name, `is cut short: it has ${this.size} bytes, ${end} are needed`);
    }
    const out = new Uint8Array(end - start);
    for (let index = Math.floor(start / PIECE_BYTES); index * PIECE_BYTES < end; index++) {
      const at = index * PIECE_BYTES;
      const bytes = await this.#piece(index);
      const from = Math.max(start, at);
      out.set(bytes.subarray(from - at, end - at), from - start);
    }
    return out;
  }

  async #piece(index: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#current?.index === index) return this.#current.bytes;
    const bytes = (await this.#pieces?.readPiece(index)) ?? (await this.#fetch(index));
    await this.#check(index, bytes);
    this.#current = { index, bytes };
    return bytes;
  }

  async #fetch(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const { network, onDownload, onFull, stored, name, identity } = this.#parts;
    const at = index * PIECE_BYTES;
    const bytes = await network.read(at, Math.min(at + PIECE_BYTES, this.size));
    onDownload();
    if (!this.#pieces || !stored || this.#closed) return bytes;
    if (!(await this.#pieces.mayReplace(index, bytes))) throw hashMismatch(name);
    // A piece of a complete file has gone bad, or another engine was at it before.
    const pieces = this.#pieces.writable ? this.#pieces : await stored.write(name, identity);
    if (!pieces) return bytes;
    this.#pieces = pieces;
    const written = await stored.whileThereIsRoom(() => pieces.writePiece(index, bytes));
    if (written) return bytes;
    pieces.close();
    this.#pieces = undefined;
    onFull();
    return bytes;
  }

  /** Compares the content with its hash as soon as all of it is there. */
  async #check(index: number, bytes: Uint8Array): Promise<void> {
    const hash = this.#hash;
    if (!hash) return;
    if (index === this.#hashed) {
      hash.update(bytes);
      this.#hashed += 1;
    }
    const pieces = this.#pieces;
    const all = Math.ceil(this.size / PIECE_BYTES);
    if (pieces?.complete) {
      // What was read out of order, or kept by an earlier load.
      for (; this.#hashed < all; this.#hashed++) {
        const kept = await pieces.readPiece(this.#hashed);
        if (!kept) return;
        hash.update(kept);
      }
    }
    if (this.#hashed < all) return;
    this.#hash = undefined;
    if (hash.hex() === sha256Of(this.#parts.identity)) {
      if (pieces?.writable) pieces.markVerified();
      return;
    }
    if (pieces?.writable) pieces.empty();
    throw hashMismatch(this.name);
  }
}
