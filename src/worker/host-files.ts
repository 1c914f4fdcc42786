/** What opening a model's files takes in a worker: the hub, the store on this device, other caches. */
import type { ResolvedSources } from "../decoder/load-options.ts";
import type { CacheLookup, OpenSourceOptions } from "../model/source/index.ts";
import { ModelStore } from "../model/store/model-store.ts";
import { openOpfs } from "../model/store/opfs.ts";

const FOLDER = "coppice-models";

/** For `openSource`. A device that has no room for files to be kept is no error. */
export async function sourceOptions(
  { hub, cacheBytes }: ResolvedSources,
  onWarning: (message: string) => void,
): Promise<OpenSourceOptions> {
  if (cacheBytes === undefined) return { hub };
  const store = await openStore(cacheBytes);
  if (!store) {
    onWarning(
      "Nothing is kept on this device: the browser gives this page no private file system, as in some private windows or without https.",
    );
  }
  return { hub, store, caches: otherCaches(), onWarning };
}

/** Undefined where the browser has no place for files. */
export async function openStore(maxBytes = Infinity): Promise<ModelStore | undefined> {
  const storage = await openOpfs(FOLDER);
  return storage && new ModelStore(storage, maxBytes);
}

/** Undefined where the page is not served securely. */
function otherCaches(): CacheLookup | undefined {
  return (globalThis as { caches?: CacheLookup }).caches;
}
