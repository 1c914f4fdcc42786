/** Opening a model's files, wherever they are. */
import type { ModelSource } from "../../options.ts";
import { parseAddress, sourceInvalid } from "./address.ts";
import { memoryFiles } from "./memory.ts";
import type { ModelFiles, OpenSourceOptions } from "./types.ts";
import { urlFiles } from "./url.ts";

export type * from "./types.ts";

/**
 * Opens a source. Nothing is fetched before a file is asked for.
 * @throws CoppiceError `source-invalid` for what is not a source. Reading its files throws `network`
 * (unreachable, or a status other than 404), `source-invalid` (an HTML page, broken JSON), `aborted`.
 */
export async function openSource(
  source: ModelSource,
  options: OpenSourceOptions = {},
): Promise<ModelFiles> {
  if (typeof source === "string") {
    const base = options.baseUrl ?? globalThis.location?.href;
    return urlFiles(parseAddress(source, base), options);
  }
  const files: unknown = source?.files;
  if (typeof files !== "object" || files === null)
    throw sourceInvalid("This is not a model source.");
  return memoryFiles(source.files, options);
}
