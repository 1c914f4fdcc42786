/** Opening a model's files, wherever they are. */
import type { ModelSource } from "../../options.ts";
import { parseAddress, sourceInvalid } from "./address.ts";
import { hubFiles } from "./hub.ts";
import { memoryFiles } from "./memory.ts";
import type { OpenedSource, OpenSourceOptions } from "./types.ts";
import { urlFiles } from "./url.ts";

export type { CacheLookup } from "./foreign-cache.ts";
export type * from "./types.ts";

/**
 * Opens a source. Nothing is fetched before a file is asked for.
 * @throws CoppiceError `source-invalid` for what is not a source. Reading its files throws `network`
 * (unreachable, or a status other than 404), `access-denied` (401, 403), `source-invalid` (an HTML page, broken JSON, an
 * unknown revision), `hash-mismatch` (not what the hub lists), `aborted`.
 */
export async function openSource(
  source: ModelSource,
  options: OpenSourceOptions = {},
): Promise<OpenedSource> {
  if (typeof source === "string") {
    const base = options.baseUrl ?? globalThis.location?.href;
    const address = parseAddress(source, base, options.hub?.endpoint);
    const { repository } = address;
    return repository ? hubFiles(address, repository, options) : urlFiles(address, options);
  }
  const files: unknown = source?.files;
  if (typeof files !== "object" || files === null)
    throw sourceInvalid("This is not a model source.");
  return memoryFiles(source.files, options);
}
