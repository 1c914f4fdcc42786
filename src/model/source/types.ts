/** A model's files once opened, and how they are read. */
import type { HubOptions } from "../../options/loading.ts";
import type { LoadProgress } from "../../stream-part.ts";
import type { ModelStore } from "../store/model-store.ts";
import type { CacheLookup } from "./foreign-cache.ts";

/** How far a file has been read; the caller knows which model it belongs to, and what else is loaded. */
export type FileProgress = Pick<LoadProgress, "file" | "loadedBytes" | "totalBytes">;

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

/** What can be asked of a source beside its files' content. */
export interface OpenedSource extends ModelFiles {
  /** What files there are, where that is known: not of a folder on a server. */
  list(): Promise<readonly FileSummary[] | undefined>;
  /** A file of which only a few bytes are wanted, such as a header: reads ask for these alone, and nothing is kept. */
  peek(name: string): Promise<TensorFile | undefined>;
  /** Bytes of a file that need no download. */
  keptBytes(name: string): Promise<number>;
  /** True for a file of which all that was read so far came from the device. */
  isFromCache(name: string): boolean;
}

export interface FileSummary {
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

export interface OpenSourceOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told of each JSON file read; `loadWeights` tells of the weights. */
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
  /** What relative URLs are relative to: the page's address, since a worker has another. */
  readonly baseUrl?: string | undefined;
  /** Stands in for the global `fetch`. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Already checked. */
  readonly hub?: HubOptions | undefined;
  /** Where downloads are kept, and looked for; without it none are. */
  readonly store?: ModelStore | undefined;
  /** Where transformers.js keeps its downloads. */
  readonly caches?: CacheLookup | undefined;
  /** Told of what could not be kept, in words. */
  readonly onWarning?: ((message: string) => void) | undefined;
  /** Milliseconds before a broken connection is first tried again; each further pause is twice as long. Default 250. */
  readonly firstPause?: number | undefined;
}
