/** GET for model files, with typed errors. */
import { aborted, CoppiceError } from "../../errors.ts";
import type { SourceAddress } from "./address.ts";
import type { OpenSourceOptions } from "./types.ts";

/** What reading a model over HTTP takes. */
export interface Http {
  /**
   * Resolves to a successful response, or one that says that there is nothing there (404, 410, 416).
   * `from` asks for the bytes from there on.
   */
  get(url: string, from?: number): Promise<Response>;
  /** What a failed fetch or read turns into: `network`, or `aborted` when that is why. */
  failure(url: string, cause: unknown): CoppiceError;
}

const NOTHING_THERE = new Set([404, 410, 416]);

export function openHttp(address: SourceAddress, options: OpenSourceOptions): Http {
  const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  const { signal } = options;
  // An abort rejects with the signal's reason, which may be anything.
  const failure = (url: string, cause: unknown): CoppiceError =>
    signal?.aborted ? aborted(cause) : networkError(url, cause);
  return {
    failure,
    async get(url, from) {
      // Asking for JSON keeps development servers from answering with their start page.
      const headers: Record<string, string> = {
        Accept: "application/json, application/octet-stream",
      };
      if (from !== undefined) headers["Range"] = `bytes=${from}-`;
      let response: Response;
      try {
        response = await fetch(url, { headers, signal: signal ?? null });
      } catch (cause) {
        throw failure(url, cause);
      }
      if (response.ok || NOTHING_THERE.has(response.status)) return response;
      await discard(response);
      throw statusError(url, response.status, address.hub);
    },
  };
}

/** Closes a response whose body nobody wants. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

function networkError(url: string, cause: unknown): CoppiceError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new CoppiceError(
    "network",
    `Could not read ${url}: ${reason}`,
    "Check the connection and the URL. On another origin, the server must allow this page (CORS).",
    { cause },
  );
}

function statusError(url: string, status: number, hub: boolean): CoppiceError {
  const denied = status === 401 || status === 403;
  let fix = "Try again later; if it stays so, check the URL and the server.";
  if (denied) fix = "Check the URL, and that it may be read without signing in.";
  if (denied && hub) {
    fix =
      "Check the repository's name. If it is private or gated, download its files and hand them in as { files }.";
  }
  return new CoppiceError("network", `${url} answered with status ${status}.`, fix);
}
