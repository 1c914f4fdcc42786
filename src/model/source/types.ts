/** A model's files once opened, and how they are read. */
import type { LoadProgress } from "../../stream-part.ts";

/** How far a file has been read; the caller knows which model it belongs to. */
export type FileProgress = Omit<LoadProgress, "model">;

/** A file read in pieces, so that it need never be in memory whole. */
export interface TensorFile {
  readonly name: string;
  /** In bytes; undefined where the server does not say. */
  readonly size: number | undefined;
  /**
   * The bytes from `start` to before `end`. Cheapest in ascending order: going back may mean a new
   * request. What comes back may be a view of the source itself, so it must not be written to.
   * @throws CoppiceError `weights-invalid` where the file ends before `end`; `network`; `aborted`.
   */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Closes the connection, if there is one. Reading is over then. */
  dispose(): void;
}

/** The files of one model. Ask for `config.json` first. */
export interface ModelFiles {
  /** What to call the model in messages. */
  readonly label: string;
  /** All file names, where that is known. */
  readonly names?: readonly string[];
  /** The file of weights that was asked for by name; undefined: whatever is there. */
  readonly file?: string;
  /**
   * A parsed JSON file, or undefined where there is none.
   *
   * Many servers answer with an HTML page for files that they do not have. In place of the first
   * file asked for that is an error, since the address must be wrong; after a first good answer it
   * means that there is no such file.
   */
  json(name: string): Promise<unknown>;
  /** Opens a large file, or undefined where there is none. The caller disposes of it. */
  open(name: string): Promise<TensorFile | undefined>;
}

export interface OpenSourceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each JSON file read; `loadLlamaWeights` tells of the weights. */
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
  /** What relative URLs are relative to: the page's address, since a worker has another. */
  readonly baseUrl?: string | undefined;
  /** Stands in for the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
}
