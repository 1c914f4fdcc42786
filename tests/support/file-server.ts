// A small HTTP server with the habits, good and bad, of servers that models are loaded from.
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FileServerOptions {
  /** Answers Range requests. Default true. */
  readonly ranges?: boolean;
  /** Answers what it does not have with this page and status 200. */
  readonly fallbackPage?: string;
  /** Answers Range requests with bytes from elsewhere. */
  readonly wrongRange?: boolean;
  /** Sends no Content-Length. */
  readonly chunked?: boolean;
  /** Sends bodies in pieces of this many bytes, waiting a moment between them. */
  readonly slowPiece?: number;
  /** Closes the connection after this many bytes of any body. */
  readonly breakAfter?: number;
  /** A status for paths that match. */
  readonly fail?: { readonly path: RegExp; readonly status: number };
  /** Paths that lead elsewhere. */
  readonly redirects?: Readonly<Record<string, string>>;
  readonly contentType?: string;
}

export interface FileServer {
  readonly url: string;
  /** "GET /path", with the Range header where there was one. */
  readonly requests: string[];
  /** Requests whose body the reader did not wait for. */
  readonly closedEarly: string[];
  close(this: void): Promise<void>;
}

/** Serves `files` by path, such as "model/config.json". */
export async function serveFiles(
  files: Readonly<Record<string, Uint8Array>>,
  options: FileServerOptions = {},
): Promise<FileServer> {
  const requests: string[] = [];
  const closedEarly: string[] = [];
  const server = createServer((request, response) => {
    const range = request.headers.range;
    requests.push(`GET ${request.url}${range ? ` ${range}` : ""}`);
    response.on("close", () => {
      if (!response.writableFinished) closedEarly.push(request.url!);
    });
    void answer(request, response, files, options);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    closedEarly,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: Readonly<Record<string, Uint8Array>>,
  options: FileServerOptions,
): Promise<void> {
  const path = decodeURIComponent(new URL(request.url!, "http://host").pathname).slice(1);
  if (options.fail?.path.test(path)) return void response.writeHead(options.fail.status).end("no");
  const redirect = options.redirects?.[path];
  if (redirect) return void response.writeHead(302, { location: redirect }).end();
  const file = files[path];
  if (!file) {
    if (options.fallbackPage === undefined) return void response.writeHead(404).end("not found");
    return void response
      .writeHead(200, { "content-type": "text/html; charset=utf-8" })
      .end(options.fallbackPage);
  }
  const type = { "content-type": options.contentType ?? "application/octet-stream" };
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? NaN);
  if (options.ranges === false || Number.isNaN(start)) {
    return send(response, 200, type, file, options);
  }
  if (options.wrongRange) {
    return send(
      response,
      206,
      { ...type, "content-range": "bytes 7-9/100" },
      file.subarray(7, 10),
      options,
    );
  }
  if (start >= file.length) return void response.writeHead(416).end();
  const range = { ...type, "content-range": `bytes ${start}-${file.length - 1}/${file.length}` };
  return send(response, 206, range, file.subarray(start), options);
}

async function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Uint8Array,
  options: FileServerOptions,
): Promise<void> {
  const length = options.chunked ? {} : { "content-length": String(body.length) };
  response.writeHead(status, { ...headers, ...length });
  const step = options.slowPiece ?? options.breakAfter ?? body.length;
  for (let at = 0; at < body.length && !response.destroyed; at += step) {
    response.write(body.subarray(at, at + step));
    if (options.breakAfter) {
      setTimeout(() => response.destroy(), 20);
      return;
    }
    if (options.slowPiece) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  response.end();
}
