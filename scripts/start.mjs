// npm start: installs what is missing, builds, and serves the playground until it is stopped.
import { parseArgs } from "node:util";
import { join } from "node:path";
import { ensureBuilt } from "./lib/build.mjs";
import { runMain } from "./lib/command.mjs";
import { ROOT } from "./lib/files.mjs";
import { ensurePackages } from "./lib/packages.mjs";

function readPort() {
  const { values } = parseArgs({ options: { port: { type: "string", default: "5173" } } });
  const port = Number(values.port);
  if (Number.isInteger(port) && port > 0 && port <= 65_535) return port;
  throw new Error(`--port must be 1..65535, not "${values.port}".`);
}

await runMain(async () => {
  const port = readPort();
  ensurePackages();
  ensureBuilt();
  // Only now: on a fresh clone Vite has just been installed.
  const { createServer } = await import("vite");
  // A taken port is skipped for the next free one.
  const configFile = join(ROOT, "demo/vite.config.ts");
  const server = await createServer({ configFile, server: { port } });
  await server.listen();
  console.log(`Playground: ${server.resolvedUrls?.local[0]}`);
  console.log(
    "Open it in a browser with WebGPU: Chrome, Edge, Firefox or Safari. Ctrl+C stops it.",
  );
  for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
});
