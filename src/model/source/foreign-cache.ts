/**
 * Files that transformers.js has put into the browser's Cache Storage: its cache is named "transformers-cache", and a file's key there is the
 * URL it came from, `<host>/<model>/resolve/<revision>/<file>`, or the path of a local model (versions 2 to 4). They are read, never written.
 */
import type { StoredModel } from "../store/model-store.ts";
import type { FileIdentity } from "../store/piece-file.ts";
import { isBlobContent, versionOf } from "./identity.ts";

const CACHE = "transformers-cache";

/** The part of the browser's `caches` in use. */
export interface CacheLookup {
  open(name: string): Promise<{ match(url: string): Promise<Response | undefined> }>;
  has(name: string): Promise<boolean>;
}

export interface ForeignSearch {
  readonly caches: CacheLookup | undefined;
  readonly urls: readonly string[];
  readonly wanted: FileIdentity;
  /** Remembers what was found to be right, so that a large file is hashed once. */
  readonly stored: StoredModel | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * A file found there under one of these URLs, if it is the one that is wanted. Where no hash is known, it must be of the version
 * that the server has now.
 */
export async function findForeign({
  caches,
  urls,
  wanted,
  stored,
  signal,
}: ForeignSearch): Promise<Blob | undefined> {
  try {
    if (!caches || !(await caches.has(CACHE))) return undefined;
    const cache = await caches.open(CACHE);
    for (const url of urls) {
      const response = await cache.match(url);
      if (!response?.ok) continue;
      const isHash = wanted.version.startsWith("sha");
      if (!isHash && versionOf(response) !== wanted.version) continue;
      const blob = await response.blob();
      const isChecked = blob.size === wanted.size && stored?.isChecked(url, wanted.version);
      if (!isChecked && !(await isBlobContent(blob, wanted, signal))) continue;
      stored?.noteChecked(url, wanted.version);
      return blob;
    }
  } catch {
    // Some browsers show the cache and refuse to open it, in private windows for example.
  }
  return undefined;
}
