// A server with the hub's layout and habits: an API that lists a revision's files, /resolve/ that redirects large files to
// signed URLs on another origin, gated and private repositories, and the faults of networks.
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

export interface HubRepository {
  /** By branch, tag or "main": the files of its newest commit. */
  readonly revisions: Record<string, Readonly<Record<string, Uint8Array>>>;
  /** Only for this token, whose owner has accepted the conditions. */
  readonly gatedFor?: string;
  /** To everybody else as if it were not there. */
  readonly privateFor?: string;
}

export interface HubRequest {
  /** "api", "resolve" or "cdn". */
  readonly kind: string;
  readonly method: string;
  readonly path: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
  /** Bytes of the body that were handed to the connection. */
  sent: number;
}

/** What goes wrong; may be changed while the server runs. */
export interface HubFaults {
  /** Closes the connection after this many bytes of a body of the store's, once per entry. */
  readonly cuts: number[];
  /** Changes a byte of what the store sends of such files. */
  corrupt: RegExp | undefined;
  /** Answers the API with this status. */
  apiStatus: number | undefined;
  /** Answers the API with this page, as networks do that want to be signed in to. */
  apiPage: string | undefined;
  /** Compresses small files on the way, as content networks do. */
  gzip: boolean;
  /** Ignores Range headers. */
  noRanges: boolean;
}

/** Files of at least this many bytes are large: listed with a SHA-256 and sent from the other origin. */
const LARGE = 100_000;

export class HubServer {
  readonly repositories: Record<string, HubRepository>;
  readonly requests: HubRequest[] = [];
  readonly faults: HubFaults = {
    cuts: [],
    corrupt: undefined,
    apiStatus: undefined,
    apiPage: undefined,
    gzip: false,
    noRanges: false,
  };
  readonly #hub: Server;
  readonly #cdn: Server;
  readonly #ports: number[] = [];

  private constructor(repositories: Record<string, HubRepository>) {
    this.repositories = repositories;
    this.#hub = createServer((request, response) => this.#answer(request, response));
    this.#cdn = createServer((request, response) => this.#answerCdn(request, response));
  }

  static async open(repositories: Record<string, HubRepository>): Promise<HubServer> {
    const server = new HubServer(repositories);
    await server.listen();
    return server;
  }

  /** The endpoint. */
  get url(): string {
    return `http://127.0.0.1:${this.#ports[0]}`;
  }

  /** Again at the same ports, after `close`. */
  async listen(): Promise<void> {
    for (const [i, server] of [this.#hub, this.#cdn].entries()) {
      const port = this.#ports[i] ?? 0;
      await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
      this.#ports[i] = (server.address() as AddressInfo).port;
    }
  }

  /** Paths asked for since the last call, as "kind METHOD path range". */
  take(): string[] {
    return this.requests
      .splice(0)
      .map(({ kind, method, path, range }) =>
        [kind, method, path, range].filter(Boolean).join(" "),
      );
  }

  async close(): Promise<void> {
    for (const server of [this.#hub, this.#cdn]) {
      if (!server.listening) continue;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  #note(kind: string, request: IncomingMessage): HubRequest {
    const path = decodeURIComponent(request.url!.split("?", 1)[0]!);
    const { range, authorization } = request.headers;
    const note = { kind, method: request.method!, path, range, authorization, sent: 0 };
    if (request.method !== "OPTIONS") this.requests.push(note);
    return note;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    cors(response);
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    const path = decodeURIComponent(new URL(request.url!, "http://h").pathname);
    const api = /^\/api\/models\/([^/]+\/[^/]+)\/revision\/(.+)$/.exec(path);
    if (api) return this.#list(request, response, api[1]!, api[2]!);
    const file = /^\/([^/]+\/[^/]+)\/resolve\/(refs\/pr\/\d+|[^/]+)\/(.+)$/.exec(path);
    if (file) return this.#resolve(request, response, [file[1]!, file[2]!, file[3]!]);
    refuse(response, 404, "RepoNotFound");
  }

  #list(request: IncomingMessage, response: ServerResponse, name: string, revision: string): void {
    this.#note("api", request);
    const { apiStatus, apiPage } = this.faults;
    if (apiPage) return void response.writeHead(200, { "content-type": "text/html" }).end(apiPage);
    if (apiStatus !== undefined) return void response.writeHead(apiStatus).end("no");
    const repository = this.#find(request, name);
    if (!repository) return refuse(response, 401, "RepoNotFound");
    const found = findRevision(repository, revision);
    if (!found) return refuse(response, 404, "RevisionNotFound");
    const siblings = Object.entries(found.files).map(([rfilename, bytes]) => ({
      rfilename,
      size: bytes.length,
      blobId: bytes.length < LARGE ? gitHash(bytes) : "0".repeat(40),
      ...(bytes.length >= LARGE && { lfs: { sha256: sha256(bytes), size: bytes.length } }),
    }));
    const body = JSON.stringify({ id: name, sha: found.commit, siblings });
    response.writeHead(200, { "content-type": "application/json" }).end(body);
  }

  #resolve(
    request: IncomingMessage,
    response: ServerResponse,
    [name, revision, path]: [string, string, string],
  ): void {
    const note = this.#note("resolve", request);
    const repository = this.#find(request, name);
    if (!repository) return refuse(response, 401, "RepoNotFound");
    const isAllowed =
      repository.gatedFor === undefined || note.authorization === `Bearer ${repository.gatedFor}`;
    if (!isAllowed) return refuse(response, note.authorization ? 403 : 401, "GatedRepo");
    const found = findRevision(repository, revision);
    if (!found) return refuse(response, 404, "RevisionNotFound");
    const bytes = found.files[path];
    if (!bytes) return refuse(response, 404, "EntryNotFound");
    response.setHeader("X-Repo-Commit", found.commit);
    if (bytes.length < LARGE) {
      response.setHeader("ETag", `"${gitHash(bytes)}"`);
      if (this.faults.gzip) {
        response.setHeader("Content-Encoding", "gzip");
        return void response.end(gzipSync(bytes));
      }
      return this.#send(note, request, response, bytes);
    }
    const hash = sha256(bytes);
    const port = this.#ports[1];
    response.writeHead(302, {
      "X-Linked-Size": String(bytes.length),
      "X-Linked-ETag": `"${hash}"`,
      location: `http://127.0.0.1:${port}/${name}/${path}/${hash}?Signature=secret-signature&Expires=1`,
    });
    response.end();
  }

  #answerCdn(request: IncomingMessage, response: ServerResponse): void {
    cors(response);
    if (request.method === "OPTIONS") return void response.writeHead(204).end();
    const note = this.#note("cdn", request);
    const hash = note.path.slice(-64);
    const all = Object.values(this.repositories).flatMap(({ revisions }) =>
      Object.values(revisions).flatMap((files) => Object.values(files)),
    );
    const bytes = all.find((each) => each.length >= LARGE && sha256(each) === hash);
    const isSigned = request.url!.includes("Signature=secret-signature");
    if (!bytes || !isSigned) return void response.writeHead(403).end("<Error>AccessDenied</Error>");
    response.setHeader("ETag", `"not-the-hash-${hash.slice(0, 8)}-2"`);
    const sent = this.faults.corrupt?.test(note.path) ? flipped(bytes) : bytes;
    this.#send(note, request, response, sent);
  }

  #send(
    note: HubRequest,
    request: IncomingMessage,
    response: ServerResponse,
    bytes: Uint8Array,
  ): void {
    const range = this.faults.noRanges ? null : /^bytes=(\d+)-(\d*)$/.exec(note.range ?? "");
    const start = range ? Number(range[1]) : 0;
    const end = range?.[2] ? Math.min(Number(range[2]) + 1, bytes.length) : bytes.length;
    if (range && start >= bytes.length) return void response.writeHead(416).end();
    response.writeHead(range ? 206 : 200, {
      "accept-ranges": "bytes",
      "content-length": String(end - start),
      "content-type": "application/octet-stream",
      ...(range && { "content-range": `bytes ${start}-${end - 1}/${bytes.length}` }),
    });
    if (request.method === "HEAD") return void response.end();
    const cut = note.kind === "cdn" ? this.faults.cuts.shift() : undefined;
    const body = bytes.subarray(start, Math.min(end, start + (cut ?? Infinity)));
    void this.#write(note, response, body, cut !== undefined);
  }

  /** Counts what went out, as far as the reader took it. */
  async #write(
    note: HubRequest,
    response: ServerResponse,
    body: Uint8Array,
    isCut: boolean,
  ): Promise<void> {
    const step = 64 * 1024;
    let goOn: (() => void) | undefined;
    for (const event of ["drain", "close"]) response.on(event, () => goOn?.());
    for (let at = 0; at < body.length && !response.destroyed; at += step) {
      const part = body.subarray(at, at + step);
      note.sent += part.length;
      if (response.write(part)) continue;
      await new Promise<void>((resolve) => (goOn = resolve));
    }
    if (!isCut) return void response.end();
    setTimeout(() => response.destroy(), 20);
  }

  #find(request: IncomingMessage, name: string): HubRepository | undefined {
    const repository = Object.hasOwn(this.repositories, name) && this.repositories[name];
    if (!repository) return undefined;
    const { privateFor } = repository;
    const isSeen = !privateFor || request.headers.authorization === `Bearer ${privateFor}`;
    return isSeen ? repository : undefined;
  }
}

function findRevision(
  { revisions }: HubRepository,
  revision: string,
): { commit: string; files: Readonly<Record<string, Uint8Array>> } | undefined {
  for (const [name, files] of Object.entries(revisions)) {
    const commit = commitOf(files);
    if (revision === name || revision === commit) return { commit, files };
  }
  return undefined;
}

/** The same files are the same commit. */
export function commitOf(files: Readonly<Record<string, Uint8Array>>): string {
  const hash = createHash("sha1");
  for (const [name, bytes] of Object.entries(files)) hash.update(name + sha256(bytes));
  return hash.digest("hex");
}

function gitHash(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

const hashes = new WeakMap<Uint8Array, string>();

function sha256(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? createHash("sha256").update(bytes).digest("hex");
  hashes.set(bytes, hash);
  return hash;
}

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  copy[copy.length - 3]! ^= 1;
  return copy;
}

function cors(response: ServerResponse): void {
  response.setHeader("Access-Control-Allow-Origin", "*");
  response.setHeader("Access-Control-Allow-Headers", "authorization, range");
  response.setHeader(
    "Access-Control-Expose-Headers",
    "X-Repo-Commit,X-Error-Code,ETag,Accept-Ranges,Content-Range,X-Linked-Size,X-Linked-ETag",
  );
}

function refuse(response: ServerResponse, status: number, code: string): void {
  response.setHeader("X-Error-Code", code);
  response.writeHead(status, { "content-type": "text/plain" }).end(code);
}
