// A static server that pages also report to: `POST /report/<name>` with a JSON body. For browsers in which a long wait
// inside an evaluated function ends the page's connection.
import { createServer } from "node:http";
import { staticHandler } from "./static.mjs";

/**
 * @typedef {object} ReportingServer
 * @property {string} origin
 * @property {(name: string) => Promise<any>} report the next body that a page posts under this name
 * @property {() => Promise<void>} close
 */

/** @param {import("node:http").IncomingMessage} request */
async function bodyOf(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/**
 * @param {import("./static.mjs").Mounts} mounts
 * @returns {Promise<ReportingServer>}
 */
export async function serveReporting(mounts) {
  /** @type {Map<string, (body: any) => void>} */
  const waiting = new Map();
  const serveFile = staticHandler(mounts);
  const server = createServer((request, response) => {
    const name = /^\/report\/([\w-]+)$/.exec(request.url ?? "")?.[1];
    if (request.method !== "POST" || !name) return serveFile(request, response);
    void bodyOf(request).then((text) => {
      response.writeHead(204).end();
      waiting.get(name)?.(JSON.parse(text));
      waiting.delete(name);
    });
  });
  await new Promise((done) => server.listen(0, "127.0.0.1", () => done(undefined)));
  const address = server.address();
  const port = address && typeof address === "object" ? address.port : 0;
  return {
    origin: `http://127.0.0.1:${port}`,
    report: (name) => new Promise((done) => waiting.set(name, done)),
    close: () => {
      server.closeAllConnections();
      return new Promise((done) => server.close(() => done()));
    },
  };
}
