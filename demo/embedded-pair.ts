// Serves models/tales/{target,draft} under /models/ while developing, and copies them into the static site.
import { existsSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";
import { staticHandler } from "../scripts/lib/static.mjs";

const FOLDERS = ["tales/target/", "tales/draft/"];

/** `models` is the folder that holds `tales/`. */
export function embeddedPair(models: URL): Plugin {
  const root = fileURLToPath(models);
  const mounts = Object.fromEntries(
    FOLDERS.map((folder) => [`/models/${folder}`, join(root, folder)]),
  );
  let outDir = "";
  return {
    name: "coppice:embedded-pair",
    configResolved(config) {
      outDir = resolve(config.root, config.build.outDir, "models");
    },
    configureServer(server) {
      server.middlewares.use(staticHandler(mounts));
    },
    async closeBundle() {
      const present = FOLDERS.filter((folder) => existsSync(join(root, folder)));
      const copy = (folder: string) =>
        cp(join(root, folder), join(outDir, folder), { recursive: true });
      await Promise.all(present.map(copy));
    },
  };
}
