/** Model files over HTTP. */
import { type SourceAddress, sourceInvalid } from "./address.ts";
import { parseJson } from "./json.ts";
import { discard, type Http, openHttp } from "./request.ts";
import type { ModelFiles, OpenSourceOptions } from "./types.ts";
import { UrlFile } from "./url-file.ts";

export function urlFiles(address: SourceAddress, options: OpenSourceOptions): ModelFiles {
  const http = openHttp(address, options);
  // True once a file was what it should be: then the address is right.
  let confirmed = false;

  const get = async (name: string): Promise<Response | undefined> => {
    const response = await http.get(address.file(name));
    if (response.ok && !isHtml(response)) return response;
    await discard(response);
    if (response.ok && !confirmed) throw htmlError(address.file(name));
    return undefined;
  };

  return {
    label: address.label,
    async json(name) {
      const response = await get(name);
      if (!response) return undefined;
      const url = address.file(name);
      const bytes = await readAll(response, url, http);
      if (startsLikeHtml(bytes)) {
        if (confirmed) return undefined;
        throw htmlError(url);
      }
      const value = parseJson(name, url, bytes);
      confirmed = true;
      options.onProgress?.({ file: name, loadedBytes: bytes.length, totalBytes: bytes.length });
      return value;
    },
    async open(name) {
      const response = await get(name);
      if (response) confirmed = true;
      return response && new UrlFile(name, address.file(name), response, http);
    },
  };
}

async function readAll(response: Response, url: string, http: Http): Promise<Uint8Array> {
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
    `${url} answered with an HTML page instead of the file: the address is probably wrong.`,
  );
}
