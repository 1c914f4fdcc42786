/** From a source's text to the address of each of its files. */
import { CoppiceError } from "../../errors.ts";

const HUB = "https://huggingface.co";
const REPOSITORY = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?$/;

export interface SourceAddress {
  readonly label: string;
  /** True for a repository of the hub. */
  readonly hub: boolean;
  /** The URL of a file by name. */
  file(name: string): string;
}

/**
 * Understands a repository name or the URL of a folder.
 * @throws CoppiceError `source-invalid` for anything else.
 */
export function parseAddress(source: string, baseUrl: string | undefined): SourceAddress {
  const repository = REPOSITORY.exec(source);
  if (repository) return hubAddress(repository[1]!, repository[2]);
  const relative = /^\.{0,2}\//.test(source);
  const url = parseUrl(source, relative ? baseUrl : undefined);
  if (!url) {
    const problem =
      relative && !baseUrl
        ? "is relative, and there is no page to resolve it against"
        : "is neither a hub repository nor a URL";
    throw sourceInvalid(`"${source}" ${problem}.`);
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    throw sourceInvalid(
      `"${source}" is a ${url.protocol} URL, which cannot name a folder of files.`,
    );
  }
  if (/\.(json|safetensors|gguf|bin|onnx)$/.test(url.pathname)) {
    throw sourceInvalid(`"${source}" is one file; the folder that holds it is wanted.`);
  }
  const page =
    url.origin === HUB ? /^\/([^/]+\/[^/]+)(?:\/tree\/([^/]+))?\/?$/.exec(url.pathname) : null;
  if (page) return hubAddress(page[1]!, page[2]);
  return folderAddress(url);
}

function hubAddress(repository: string, revision = "main"): SourceAddress {
  const base = `${HUB}/${repository}/resolve/${encodeURIComponent(revision)}/`;
  return { label: repository, hub: true, file: (name) => base + name };
}

/** A query (a signature, a token) is kept on every file's URL. */
function folderAddress(folder: URL): SourceAddress {
  const path = folder.pathname.endsWith("/") ? folder.pathname : `${folder.pathname}/`;
  const base = folder.origin + path;
  return { label: base, hub: false, file: (name) => base + name + folder.search };
}

function parseUrl(text: string, base: string | undefined): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

/** `source-invalid` with what would be a source. */
export function sourceInvalid(message: string): CoppiceError {
  return new CoppiceError(
    "source-invalid",
    message,
    'Give "org/name" of a Hugging Face repository, the URL of a folder ("https://...", "/models/x", "./x"), or { files }.',
  );
}
