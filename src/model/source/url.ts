/** Model files in a folder on a server. What the server says of a file's version decides whether a kept copy of it is good. */
import { CoppiceError } from "../../errors.ts";
import { type SourceAddress, sourceInvalid } from "./address.ts";
import { versionOf } from "./identity.ts";
import { parseJson } from "./json.ts";
import { type FilePlace, Keeper } from "./keeper.ts";
import { PeekFile } from "./peek-file.ts";
import { discard, type GetOptions, type Http, openHttp } from "./request.ts";
import type { OpenedSource, OpenSourceOptions, TensorFile } from "./types.ts";
import { fullSize, UrlFile } from "./url-file.ts";

export function urlFiles(address: SourceAddress, options: OpenSourceOptions): OpenedSource {
  const http = openHttp(address, options);
  const keeper = new Keeper(http, address, options);
  // True once a file was what it should be: then the address is right.
  let confirmed = false;

  const get = async (name: string, how?: GetOptions): Promise<Response | undefined> => {
    const response = await http.get(address.file(name), how);
    if (response.ok && !isHtml(response)) return response;
    await discard(response);
    if (response.ok && !confirmed) throw htmlError(address.file(name));
    return undefined;
  };

  /** The file as a response describes it; undefined where that is too little to keep it by. */
  const describe = (name: string, response: Response, size = fullSize(response)) => {
    const version = versionOf(response);
    if (size === undefined || version === undefined) return undefined;
    return { name, size, version, url: address.file(name) };
  };

  /** What was kept of a file, of whatever version: all there is without a connection. */
  const keptPlace = async (name: string): Promise<FilePlace | undefined> => {
    const kept = await (await keeper.stored())?.read(name);
    if (!kept) return undefined;
    return { name, size: kept.size, version: kept.version, url: address.file(name) };
  };

  const json = async (name: string): Promise<Uint8Array | undefined> => {
    const response = await get(name);
    await noteMissing(name, !response);
    if (!response) return undefined;
    const bytes = await readAll(response, address.file(name), http);
    keeper.noteDownload(name);
    if (startsLikeHtml(bytes)) {
      if (confirmed) return undefined;
      throw htmlError(address.file(name));
    }
    const file = describe(name, response, bytes.length);
    if (file) await keeper.keep(file, bytes);
    return bytes;
  };

  const open = async (name: string): Promise<TensorFile | undefined> => {
    const kept = await keptPlace(name);
    // A kept copy makes it likely that nothing but the version is needed.
    const head = kept && (await askVersion(name));
    if (kept && head?.version === kept.version && head.size === kept.size) return keeper.open(kept);
    const response = await get(name);
    await noteMissing(name, !response);
    if (!response) return undefined;
    confirmed = true;
    const file = describe(name, response);
    if (file) return keeper.open(file, response);
    keeper.noteDownload(name);
    return new UrlFile(name, address.file(name), http, { response });
  };

  const askVersion = async (name: string): Promise<FilePlace | undefined> => {
    try {
      const response = await get(name, { method: "HEAD" });
      return response && describe(name, response);
    } catch (error) {
      // Not every server answers such requests.
      if (isNetwork(error)) return undefined;
      throw error;
    }
  };

  const noteMissing = async (name: string, isMissing: boolean): Promise<void> =>
    (await keeper.stored())?.noteMissing(name, isMissing);

  /** What a request gives, or where there is no network what was found before. */
  const orKept = async <T>(
    name: string,
    request: Promise<T | undefined>,
    kept: () => Promise<T | undefined>,
  ): Promise<T | undefined> => {
    try {
      return await request;
    } catch (error) {
      if (!isNetwork(error)) throw error;
      const found = await kept();
      const isMissing = (await keeper.stored())?.isMissing(name);
      if (found === undefined && !isMissing) throw error;
      return found;
    }
  };

  return {
    label: address.label,
    async json(name) {
      const bytes = await orKept(name, json(name), () => keeper.recall(name));
      if (!bytes) return undefined;
      const value = parseJson(name, address.file(name), bytes);
      confirmed = true;
      if (name === "config.json") await (await keeper.stored())?.touch();
      options.onProgress?.({ file: name, loadedBytes: bytes.length, totalBytes: bytes.length });
      return value;
    },
    open(name) {
      return orKept(name, open(name), async () => {
        const kept = await keptPlace(name);
        return kept && keeper.open(kept);
      });
    },
    list: () => Promise.resolve(undefined),
    async peek(name) {
      const response = await get(name, { method: "HEAD" });
      if (!response) return undefined;
      return new PeekFile(name, address.file(name), http, fullSize(response));
    },
    async keptBytes(name) {
      const file = await askVersion(name);
      return file ? keeper.keptBytes(file) : 0;
    },
    isFromCache: (name) => keeper.isFromCache(name),
  };
}

function isNetwork(error: unknown): boolean {
  return CoppiceError.isInstance(error) && error.code === "network";
}

async function readAll(
  response: Response,
  url: string,
  http: Http,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (cause) {
    throw http.failure(url, cause);
  }
}

function isHtml(response: Response): boolean {
  return /^\s*text\/html/i.test(response.headers.get("content-type") ?? "");
}

/** No JSON file begins with a tag, whatever type the server gives it. */
function startsLikeHtml(bytes: Uint8Array): boolean {
  return /^\s*<(!doctype|html|!--)/i.test(new TextDecoder().decode(bytes.subarray(0, 64)));
}

function htmlError(url: string): Error {
  return sourceInvalid(
    `${url.split("?", 1)[0]} answered with an HTML page instead of the file: the address is probably wrong.`,
  );
}
