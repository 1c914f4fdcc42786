/** GET for model files, with typed errors. */
import { aborted, CoppiceError } from "../../errors.ts";
import type { SourceAddress } from "./address.ts";
import type { OpenSourceOptions } from "./types.ts";

/** What reading a model over HTTP takes. */
export interface Http {
  /**
   * Resolves to a successful response, or one that says that there is nothing there (404, 410, 416).
   * @throws CoppiceError `network`, `access-denied` (401, 403), `source-invalid` (the hub knows no such revision), `aborted`.
   */
  get(url: string, options?: GetOptions): Promise<Response>;
  /** What a failed fetch or read turns into: `network`, or `aborted` when that is why. */
  failure(url: string, cause: unknown): CoppiceError;
  /** Before the next try after `failures` in a row. Throws `aborted`. */
  pause(failures: number): Promise<void>;
}

export interface GetOptions {
  /** Asks for the bytes from there on. */
  readonly from?: number | undefined;
  /** Asks for the bytes before that, with `from`. */
  readonly to?: number | undefined;
  readonly method?: "HEAD";
  /** For what is kept elsewhere: the browser's own cache need not hold it, too. */
  readonly uncached?: boolean;
}

const NOTHING_THERE = new Set([404, 410, 416]);
const FIRST_PAUSE = 250; // milliseconds

export function openHttp(address: SourceAddress, options: OpenSourceOptions): Http {
  const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  const { signal } = options;
  // An abort rejects with the signal's reason, which may be anything.
  const failure = (url: string, cause: unknown): CoppiceError =>
    signal?.aborted ? aborted(cause) : networkError(url, cause);
  return {
    failure,
    async pause(failures) {
      const time = (options.firstPause ?? FIRST_PAUSE) * 2 ** (failures - 1);
      const end = Date.now() + time;
      // Short naps: an abort is seen soon, and nothing has to be listened to.
      for (let left = time; left > 0; left = end - Date.now()) {
        if (signal?.aborted) throw aborted(signal.reason);
        await new Promise((resolve) => setTimeout(resolve, Math.min(left, 50)));
      }
    },
    async get(url, { from, to, method = "GET", uncached = false } = {}) {
      const headers: Record<string, string> = {
        // Asking for JSON keeps development servers from answering with their start page.
        Accept: "application/json, application/octet-stream",
        ...authorization(url, address, options),
      };
      if (from !== undefined) headers["Range"] = `bytes=${from}-${to === undefined ? "" : to - 1}`;
      let response: Response;
      try {
        response = await fetch(url, {
          headers,
          method,
          signal: signal ?? null,
          ...(uncached && { cache: "no-store" }),
        });
      } catch (cause) {
        throw failure(url, cause);
      }
      const hubError = response.headers.get("x-error-code");
      if (response.ok) return response;
      if (NOTHING_THERE.has(response.status) && (!hubError || hubError === "EntryNotFound")) {
        return response;
      }
      await discard(response);
      throw statusError(url, response.status, address, hubError);
    },
  };
}

/**
 * The token, for requests to the hub's own origin. Where the hub sends a request on to another origin, the browser leaves it out
 * (Fetch standard, HTTP-redirect fetch).
 */
function authorization(
  url: string,
  { repository }: SourceAddress,
  { hub }: OpenSourceOptions,
): Record<string, string> {
  if (!repository || !hub?.token) return {};
  const isHub = new URL(url).origin === new URL(repository.endpoint).origin;
  return isHub ? { Authorization: `Bearer ${hub.token}` } : {};
}

/** Closes a response whose body nobody wants. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/** A URL for messages: a query may hold a signature. */
function shown(url: string): string {
  return url.split("?", 1)[0]!;
}

function networkError(url: string, cause: unknown): CoppiceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CoppiceError(
    "network",
    `Could not read ${shown(url)}: ${reason}`,
    "Check the connection and the URL. On another origin, the server must allow this page (CORS).",
    { cause },
  );
}

function statusError(
  url: string,
  status: number,
  { repository }: SourceAddress,
  hubError: string | null,
): CoppiceError {
  const message = `${shown(url)} answered with status ${status}.`;
  if (repository && hubError === "RevisionNotFound") {
    const { name, revision } = repository;
    const fix = `Check the revision: "${name}" names its branches, tags and commits on its page.`;
    return new CoppiceError("source-invalid", `${name} has no revision "${revision}".`, fix);
  }
  if (repository && hubError === "GatedRepo") {
    const what = `The repository ${repository.name} is gated.`;
    const fix =
      "Accept its conditions on its page, and pass a token of an account that has done so as hub.token; or hand in its files as { files }.";
    return new CoppiceError("access-denied", what, fix);
  }
  const denied = status === 401 || status === 403;
  if (repository && (denied || hubError === "RepoNotFound")) {
    const fix =
      "Check the repository's name. If it is private or gated, pass an access token as hub.token, or download its files and hand them in as { files }.";
    return new CoppiceError("access-denied", message, fix);
  }
  if (denied) {
    const fix = "Check the URL, and that it may be read without signing in.";
    return new CoppiceError("access-denied", message, fix);
  }
  const fix = "Try again later; if it stays so, check the URL and the server.";
  return new CoppiceError("network", message, fix);
}
