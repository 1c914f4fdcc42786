/** From a source's text to the address of each of its files. */
import { CoppiceError } from "../../errors.ts";

export const HUB = "https://huggingface.co";
const REPOSITORY = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*)(?:@([\w./-]+))?$/;

export interface SourceAddress {
  readonly label: string;
  /** Tells models apart, whatever their revision. No query is part of it, since that may hold a secret. */
  readonly key: string;
  /** Present for a repository of the hub. */
  readonly repository?: RepositoryAddress;
  /** The URL of a file by name. */
  file(name: string): string;
}

export interface RepositoryAddress {
  readonly endpoint: string;
  /** "org/name". */
  readonly name: string;
  /** A branch, a tag or a commit. */
  readonly revision: string;
  /** Where the hub lists the files of this revision. */
  readonly listing: string;
  /** The URL of a file as it was at a commit. */
  fileAt(commit: string, name: string): string;
}

/**
 * Understands a repository name or the URL of a folder.
 * @throws CoppiceError `source-invalid` for anything else.
 */
export function parseAddress(
  source: string,
  baseUrl: string | undefined,
  endpoint = HUB,
): SourceAddress {
  const repository = REPOSITORY.exec(source);
  if (repository) return hubAddress(endpoint, repository[1]!, repository[2]);
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
  const page = url.href.startsWith(`${endpoint}/`)
    ? /^\/([^/]+\/[^/]+)(?:\/tree\/([^/]+))?\/?$/.exec(url.href.slice(endpoint.length))
    : null;
  if (page) return hubAddress(endpoint, page[1]!, page[2] && decodeURIComponent(page[2]));
  return folderAddress(url);
}

function hubAddress(endpoint: string, name: string, revision = "main"): SourceAddress {
  const at = (commit: string): string =>
    `${endpoint}/${name}/resolve/${encodeURIComponent(commit)}/`;
  return {
    label: revision === "main" ? name : `${name}@${revision}`,
    key: `${endpoint}/${name}`,
    repository: {
      endpoint,
      name,
      revision,
      listing: `${endpoint}/api/models/${name}/revision/${encodeURIComponent(revision)}?blobs=true`,
      fileAt: (commit, file) => at(commit) + file,
    },
    file: (file) => at(revision) + file,
  };
}

/** A query (a signature, a token) is kept on every file's URL. */
function folderAddress(folder: URL): SourceAddress {
  const path = folder.pathname.endsWith("/") ? folder.pathname : `${folder.pathname}/`;
  const base = folder.origin + path;
  return { label: base, key: base, file: (name) => base + name + folder.search };
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
