/** GET for model files, with typed errors. */
import { aborted, CoppiceError } from "../errors.ts";
import type { SourceAddress } from "./source-address.ts";
import type { OpenSourceOptions } from "./source-types.ts";

/**
 * Resolves to a successful response, or one that says that there is nothing there (404, 410, 416).
 * `from` asks for the bytes from there on.
 */
export type Request = (url: string, from?: number) => Promise<Response>;

const NOTHING_THERE = new Set([404, 410, 416]);

export function requester(address: SourceAddress, options: OpenSourceOptions): Request {
  const fetch = options.fetch ?? globalThis.fetch.bind(globalThis);
  return async (url, from) => {
    // Asking for JSON keeps development servers from answering with their start page.
    const headers: Record<string, string> = {
      Accept: "application/json, application/octet-stream",
    };
    if (from !== undefined) headers["Range"] = `bytes=${from}-`;
    let response: Response;
    try {
      response = await fetch(url, { headers, signal: options.signal ?? null });
    } catch (cause) {
      throw networkError(url, cause);
    }
    if (response.ok || NOTHING_THERE.has(response.status)) return response;
    await discard(response);
    throw statusError(url, response.status, address.hub);
  };
}

/** Closes a response whose body nobody wants. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => undefined);
}

/** What a failed fetch or read turns into: `network`, or `aborted` when that is why. */
export function networkError(url: string, cause: unknown): CoppiceError {
  if (CoppiceError.isInstance(cause)) return cause;
  const { name, message } = cause instanceof Error ? cause : { name: "", message: String(cause) };
  if (name === "AbortError") return aborted(cause);
  return new CoppiceError(
    "network",
    `Could not read ${url}: ${message}`,
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
