/** The hub, its token and the cache, checked. Nothing here shows a value that may be a token. */
import { CoppiceError } from "../errors.ts";
import type { CacheOption, HubOptions } from "../options.ts";
import { checkInteger, checkRecord, invalid } from "./checks.ts";

const LOCAL = new Set(["localhost", "127.0.0.1", "[::1]"]);

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolveHub(value: unknown): HubOptions {
  if (value === undefined) return {};
  if (typeof value !== "object" || value === null) {
    throw refused("hub is no object.", "Set hub to { endpoint, token }, or leave it out.");
  }
  const { endpoint, token } = checkRecord("hub", value, ["endpoint", "token"]);
  const url = endpoint === undefined ? undefined : checkEndpoint(endpoint);
  if (token === undefined) return url ? { endpoint: shown(url) } : {};
  if (typeof token !== "string" || !/^[\x21-\x7e]+$/.test(token)) {
    const what =
      "hub.token is no token: it must be a string of printable characters, without spaces.";
    throw refused(what, "Pass the token as the hub gave it, or leave it out.");
  }
  if (url?.protocol === "http:" && !LOCAL.has(url.hostname)) {
    const what = "hub.token would be sent over an open connection.";
    throw refused(what, "Give an endpoint that begins with https://, or leave the token out.");
  }
  return { ...(url && { endpoint: shown(url) }), token };
}

function checkEndpoint(endpoint: unknown): URL {
  const url =
    typeof endpoint === "string" && URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  const isPlain = url && !url.search && !url.hash && !url.username && !url.password;
  if (isPlain && /^https?:$/.test(url.protocol)) return url;
  const what = "hub.endpoint is no http(s) URL without a query and without a password.";
  throw refused(what, 'Set hub.endpoint to the hub\'s address, such as "https://huggingface.co".');
}

/** Without a slash at its end. */
function shown(url: URL): string {
  return (url.origin + url.pathname).replace(/\/+$/, "");
}

/** The most bytes to keep; undefined: nothing is kept. */
export function resolveCache(value: unknown): number | undefined {
  if (value === undefined || value === ("auto" satisfies CacheOption)) return Infinity;
  if (value === ("none" satisfies CacheOption)) return undefined;
  if (typeof value !== "object" || value === null) {
    throw invalid("cache", value, '"auto", "none" or { maxBytes }');
  }
  const { maxBytes } = checkRecord("cache", value, ["maxBytes"]);
  return checkInteger("cache.maxBytes", maxBytes, 1, Number.MAX_SAFE_INTEGER);
}

function refused(message: string, fix: string): CoppiceError {
  return new CoppiceError("option-invalid", message, fix);
}
