// Serves models/tales/{target,draft} under /models/ while developing, and copies them into the static site.
import { createReadStream, existsSync } from "node:fs";
import { cp, stat } from "node:fs/promises";
import { join, normalize, sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { Connect, Plugin } from "vite";

const FOLDERS = ["tales/target", "tales/draft"];

export function embeddedPair(models: URL): Plugin {
  const root = fileURLToPath(models);
  let outDir = "";
  return {
    name: "embedded-pair",
    configResolved(config) {
      outDir = join(config.root, config.build.outDir);
    },
    configureServer(server) {
      server.middlewares.use("/models", serve(root));
    },
    async closeBundle() {
      await Promise.all(FOLDERS.map((folder) => copyFolder(root, join(outDir, "models"), folder)));
    },
  };
}

/** A middleware of its own, because Vite's answers a missing file with index.html, which hides the mistake. */
function serve(root: string): Connect.NextHandleFunction {
  return async (request, response) => {
    const path = normalize(decodeURIComponent((request.url ?? "").replace(/[?#].*$/, "")));
    const file = join(root, path);
    const allowed = FOLDERS.some((folder) => file.startsWith(join(root, folder) + sep));
    const found = allowed ? await stat(file).catch(() => undefined) : undefined;
    if (!found?.isFile()) {
      response.statusCode = 404;
      response.end();
      return;
    }
    response.setHeader(
      "Content-Type",
      file.endsWith(".json") ? "application/json" : "application/octet-stream",
    );
    response.setHeader("Content-Length", found.size);
    if (request.method === "HEAD") response.end();
    else createReadStream(file).pipe(response);
  };
}

async function copyFolder(root: string, outDir: string, folder: string): Promise<void> {
  const source = join(root, folder);
  if (existsSync(source)) await cp(source, join(outDir, folder), { recursive: true });
}
