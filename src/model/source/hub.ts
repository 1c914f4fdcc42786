/** Files of a repository on the hub: listed in one request, with sizes and hashes, then read as they were at one commit. */
import { CoppiceError } from "../../errors.ts";
import type { ListedFile, ListedRevision } from "../store/model-store.ts";
import type { RepositoryAddress, SourceAddress } from "./address.ts";
import { parseJson } from "./json.ts";
import { type FilePlace, Keeper } from "./keeper.ts";
import { PeekFile } from "./peek-file.ts";
import { discard, type Http, openHttp } from "./request.ts";
import type { OpenedSource, OpenSourceOptions } from "./types.ts";
import { urlFiles } from "./url.ts";

const COMMIT = /^[0-9a-f]{40}$/;

export function hubFiles(
  address: SourceAddress,
  repository: RepositoryAddress,
  options: OpenSourceOptions,
): OpenedSource {
  const http = openHttp(address, options);
  const keeper = new Keeper(http, address, options);
  let listed: Promise<ListedRevision | undefined> | undefined;
  const listing = (): Promise<ListedRevision | undefined> => {
    listed ??= findListing(repository, http, keeper);
    // The next call may find the network again.
    listed.catch(() => (listed = undefined));
    return listed;
  };
  // A mirror may have the files and no listing.
  const plain = urlFiles(address, options);

  const place = async (name: string): Promise<FilePlace | "missing" | "unlisted"> => {
    const revision = await listing();
    if (!revision) return "unlisted";
    const file = revision.files.find((each) => each.name === name);
    return file ? { ...file, url: repository.fileAt(revision.commit, name) } : "missing";
  };

  return {
    label: address.label,
    async json(name) {
      const file = await place(name);
      if (file === "unlisted") return plain.json(name);
      const bytes = file === "missing" ? undefined : await keeper.whole(file);
      if (!bytes || file === "missing") return undefined;
      options.onProgress?.({ file: name, loadedBytes: bytes.length, totalBytes: bytes.length });
      return parseJson(name, file.url, bytes);
    },
    async open(name) {
      const file = await place(name);
      if (file === "unlisted") return plain.open(name);
      return file === "missing" ? undefined : keeper.open(file);
    },
    async list() {
      return (await listing())?.files;
    },
    async peek(name) {
      const file = await place(name);
      if (file === "unlisted") return plain.peek(name);
      return file === "missing" ? undefined : new PeekFile(name, file.url, http, file.size);
    },
    async keptBytes(name) {
      const file = await place(name);
      if (file === "unlisted") return plain.keptBytes(name);
      return file === "missing" ? 0 : keeper.keptBytes(file);
    },
    isFromCache: (name) => keeper.isFromCache(name) || plain.isFromCache(name),
  };
}

/**
 * What the revision holds. A commit never changes, so it is asked for once; a branch is asked for every time, and is what it was
 * where the hub cannot be reached. Undefined where there is no hub behind the address, only files.
 */
async function findListing(
  { name, revision, listing }: RepositoryAddress,
  http: Http,
  keeper: Keeper,
): Promise<ListedRevision | undefined> {
  const stored = await keeper.stored();
  const known = stored?.revision(revision);
  let found = COMMIT.test(revision) ? known : undefined;
  try {
    found ??= await askFor(listing, http);
  } catch (error) {
    const isNetwork = CoppiceError.isInstance(error) && error.code === "network";
    if (!known || !isNetwork) throw error;
    found = known;
  }
  if (!found) return undefined;
  if (COMMIT.test(revision) && found.commit !== revision) {
    throw new CoppiceError(
      "source-invalid",
      `The hub lists ${name} at commit ${found.commit}, not at ${revision}.`,
      "Check the endpoint: a mirror must know the commits of the hub.",
    );
  }
  if (found !== known) await stored?.keepRevision(revision, found);
  await stored?.touch();
  return found;
}

async function askFor(url: string, http: Http): Promise<ListedRevision | undefined> {
  const response = await http.get(url);
  if (!response.ok) {
    await discard(response);
    return undefined;
  }
  try {
    return parseListing(await response.json());
  } catch (cause) {
    // A page for signing in to a network, as hotels have them, is as good as no network.
    throw http.failure(url, cause);
  }
}

/** The hub's answer (its API: `/api/models/{repo}/revision/{revision}?blobs=true`), or undefined for one of another shape. */
export function parseListing(value: unknown): ListedRevision | undefined {
  const { sha, siblings } = (value ?? {}) as { sha?: unknown; siblings?: unknown };
  if (typeof sha !== "string" || !COMMIT.test(sha) || !Array.isArray(siblings)) return undefined;
  const files = (siblings as unknown[]).map(parseFile);
  return files.every((file) => file !== undefined) ? { commit: sha, files } : undefined;
}

function parseFile(value: unknown): ListedFile | undefined {
  const { rfilename: name, size, blobId, lfs } = (value ?? {}) as Record<string, unknown>;
  const { sha256 } = (lfs ?? {}) as { sha256?: unknown };
  if (typeof name !== "string" || !Number.isSafeInteger(size)) return undefined;
  if (typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256)) {
    return { name, size: size as number, version: `sha256:${sha256}` };
  }
  if (typeof blobId !== "string" || !COMMIT.test(blobId)) return undefined;
  return { name, size: size as number, version: `sha1:${blobId}` };
}
