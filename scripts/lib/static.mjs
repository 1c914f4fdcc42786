// Serves folders over http on the loopback address, with byte ranges, as a static host would.
import { createReadStream, statSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize, sep } from "node:path";

/** @typedef {Record<string, string>} Mounts URL prefix (with both slashes) to folder or file */

/** @type {Record<string, string>} */
const TYPES = {
  ".css": "text/css",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".mjs": "text/javascript",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
};

/**
 * @param {Mounts} mounts
 * @param {string} pathname
 * @returns {string | undefined} the file behind a URL, if it lies in a mounted folder
 */
export function resolveMount(mounts, pathname) {
  const path = decodeURIComponent(pathname);
  const prefix = Object.keys(mounts)
    .filter((mount) => path === mount || (mount.endsWith("/") && path.startsWith(mount)))
    .sort((a, b) => b.length - a.length)[0];
  const folder = prefix && mounts[prefix];
  if (!folder) return undefined;
  const rest = normalize(path.slice(prefix.length));
  if (rest === ".." || rest.startsWith(`..${sep}`) || rest.includes("\0")) return undefined;
  return rest === "." ? folder : join(folder, rest);
}

/**
 * A request handler for Node's http server, and for Vite as a middleware.
 * @param {Mounts} mounts
 * @returns {(request: import("node:http").IncomingMessage, response: import("node:http").ServerResponse, next?: () => void) => void}
 */
export function staticHandler(mounts) {
  return (request, response, next) => {
    const file = fileOf(mounts, request.url ?? "/");
    if (!file) {
      if (next) return next();
      response.writeHead(404).end("not found");
      return;
    }
    const { path, size } = file;
    const range = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? "");
    const [start, end] = range ? byteRange(range, size) : [0, size - 1];
    if (start > end && size > 0) {
      response.writeHead(416, { "content-range": `bytes */${size}` }).end();
      return;
    }
    response.writeHead(range ? 206 : 200, {
      "accept-ranges": "bytes",
      "cache-control": "no-cache",
      "content-length": size === 0 ? 0 : end - start + 1,
      "content-type": TYPES[extname(path)] ?? "application/octet-stream",
      ...(range && { "content-range": `bytes ${start}-${end}/${size}` }),
    });
    if (request.method === "HEAD" || size === 0) response.end();
    else createReadStream(path, { start, end }).pipe(response);
  };
}

/**
 * @param {Mounts} mounts
 * @param {string} url
 */
function fileOf(mounts, url) {
  try {
    const path = resolveMount(mounts, new URL(url, "http://host").pathname);
    const stats = path ? statSync(path) : undefined;
    return path && stats?.isFile() ? { path, size: stats.size } : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @param {RegExpExecArray} range
 * @param {number} size
 * @returns {[number, number]} first and last byte; the first is past the last where nothing fits
 */
function byteRange([, first, last], size) {
  if (first === "") return [Math.max(0, size - Number(last)), size - 1];
  return [Number(first), last === "" ? size - 1 : Math.min(Number(last), size - 1)];
}

/**
 * @param {Mounts} mounts
 * @param {Record<string, string>} [headers] sent with every answer, such as a policy
 * @returns {Promise<{ origin: string, close: () => Promise<void> }>}
 */
export async function serveStatic(mounts, headers = {}) {
  const answer = staticHandler(mounts);
  const server = createServer((request, response) => {
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    answer(request, response);
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", () => done(undefined)));
  const address = server.address();
  const port = address && typeof address === "object" ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
