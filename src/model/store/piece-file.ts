/**
 * A file of a model as it is kept: in pieces, each with its SHA-256, so that a part of it is of use, a break costs one piece, and bytes
 * that went bad on the disk are found when they are read.
 *
 * Layout: 4 KiB of JSON about the file (padded with spaces), 32 bytes of hash per piece (zeros: the piece is not there), the content.
 */
import type { Storage, StorageFile } from "./storage.ts";

export const PIECE_BYTES = 2 * 2 ** 20;
const HEAD_BYTES = 4096;
const HASH_BYTES = 32;
const FORMAT = 1;

/** What a kept file is a copy of. */
export interface FileIdentity {
  /** In bytes. */
  readonly size: number;
  /** Changes with the content: a hash, or what the server says of the version. At most 500 characters. */
  readonly version: string;
}

interface Head extends FileIdentity {
  readonly format: number;
  readonly pieceBytes: number;
  /** True once the whole content has been compared with a hash known from elsewhere. */
  readonly verified: boolean;
}

/** Where the bytes are. */
interface Bytes {
  read(at: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
}

export class PieceFile {
  readonly size: number;
  readonly pieces: number;
  readonly #bytes: Bytes;
  /** Undefined: it can only be read. */
  readonly #file: StorageFile | undefined;
  readonly #hashes: Uint8Array<ArrayBuffer>;
  #head: Head;

  private constructor(
    head: Head,
    hashes: Uint8Array<ArrayBuffer>,
    bytes: Bytes,
    file?: StorageFile,
  ) {
    this.#head = head;
    this.size = head.size;
    this.pieces = piecesOf(head.size);
    this.#hashes = hashes;
    this.#bytes = bytes;
    this.#file = file;
  }

  /** Opens a file to read. Undefined where there is none, it is of another version, or it cannot be understood. */
  static async read(
    storage: Storage,
    path: string,
    wanted?: FileIdentity,
  ): Promise<PieceFile | undefined> {
    try {
      const blob = await storage.read(path);
      if (!blob) return undefined;
      const bytes: Bytes = {
        read: async (at, length) => new Uint8Array(await blob.slice(at, at + length).arrayBuffer()),
      };
      return await PieceFile.#open(bytes, wanted);
    } catch {
      return undefined; // It changed while it was read.
    }
  }

  /**
   * Opens a file to write to; what is there of another version is dropped. Undefined while anybody else writes to it.
   * @throws DOMException `QuotaExceededError`
   */
  static async write(
    storage: Storage,
    path: string,
    wanted: FileIdentity,
  ): Promise<PieceFile | undefined> {
    const file = await storage.open(path);
    if (!file) return undefined;
    try {
      const bytes: Bytes = { read: (at, length) => Promise.resolve(file.read(at, length)) };
      const known = await PieceFile.#open(bytes, wanted, file);
      if (known) return known;
      const { size, version } = wanted;
      const head = { format: FORMAT, size, version, pieceBytes: PIECE_BYTES, verified: false };
      file.truncate(0);
      const hashes = new Uint8Array(piecesOf(size) * HASH_BYTES);
      file.write(HEAD_BYTES, hashes);
      file.write(0, encodeHead(head));
      return new PieceFile(head, hashes, bytes, file);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  static async #open(
    bytes: Bytes,
    wanted: FileIdentity | undefined,
    file?: StorageFile,
  ): Promise<PieceFile | undefined> {
    const head = decodeHead(await bytes.read(0, HEAD_BYTES));
    if (!head) return undefined;
    if (wanted && (head.size !== wanted.size || head.version !== wanted.version)) return undefined;
    const length = piecesOf(head.size) * HASH_BYTES;
    const hashes = await bytes.read(HEAD_BYTES, length);
    return hashes.length === length ? new PieceFile(head, hashes, bytes, file) : undefined;
  }

  get version(): string {
    return this.#head.version;
  }

  get verified(): boolean {
    return this.#head.verified;
  }

  get writable(): boolean {
    return this.#file !== undefined;
  }

  /** Whether all of it is there. */
  get complete(): boolean {
    return this.keptBytes === this.size;
  }

  get keptBytes(): number {
    let sum = 0;
    for (let i = 0; i < this.pieces; i++) if (this.has(i)) sum += this.#lengthOf(i);
    return sum;
  }

  has(piece: number): boolean {
    return this.#hashOf(piece).some((byte) => byte !== 0);
  }

  /** A piece, or undefined where it is not there, or is not any more what was written. */
  async readPiece(piece: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    if (!this.has(piece)) return undefined;
    try {
      const bytes = await this.#bytes.read(this.#placeOf(piece), this.#lengthOf(piece));
      return isSame(await digest(bytes), this.#hashOf(piece)) ? bytes : undefined;
    } catch {
      return undefined; // The file is gone, or another engine writes to it.
    }
  }

  /** Whether bytes may take the place of a piece that went bad: where the whole was verified, only what was there before. */
  async mayReplace(piece: number, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    if (!this.verified || !this.has(piece)) return true;
    return isSame(await digest(bytes), this.#hashOf(piece));
  }

  /** The content goes first: a hash without it would be found out, content without a hash is only fetched again. */
  async writePiece(piece: number, bytes: Uint8Array<ArrayBuffer>): Promise<true> {
    const hash = await digest(bytes);
    this.#file!.write(this.#placeOf(piece), bytes);
    this.#hashOf(piece).set(hash);
    this.#file!.write(HEAD_BYTES + piece * HASH_BYTES, hash);
    return true;
  }

  markVerified(): void {
    this.#head = { ...this.#head, verified: true };
    this.#file?.write(0, encodeHead(this.#head));
  }

  /** Forgets all pieces. */
  empty(): void {
    this.#hashes.fill(0);
    this.#file?.write(HEAD_BYTES, this.#hashes);
  }

  close(): void {
    this.#file?.flush();
    this.#file?.close();
  }

  #hashOf(piece: number): Uint8Array {
    return this.#hashes.subarray(piece * HASH_BYTES, (piece + 1) * HASH_BYTES);
  }

  #placeOf(piece: number): number {
    return HEAD_BYTES + this.#hashes.length + piece * PIECE_BYTES;
  }

  #lengthOf(piece: number): number {
    return Math.min(PIECE_BYTES, this.size - piece * PIECE_BYTES);
  }
}

function piecesOf(size: number): number {
  return Math.ceil(size / PIECE_BYTES);
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}

function encodeHead(head: Head): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(head).padEnd(HEAD_BYTES)).subarray(0, HEAD_BYTES);
}

function decodeHead(bytes: Uint8Array): Head | undefined {
  try {
    const head = JSON.parse(new TextDecoder().decode(bytes)) as Head;
    const isKnown = head.format === FORMAT && head.pieceBytes === PIECE_BYTES;
    return isKnown && Number.isSafeInteger(head.size) && head.size >= 0 ? head : undefined;
  } catch {
    return undefined;
  }
}
