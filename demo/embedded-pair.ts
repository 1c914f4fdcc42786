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
      const copy = async (folder: string) => {
        const source = join(root, folder);
        if (existsSync(source)) await cp(source, join(outDir, folder), { recursive: true });
        else this.warn(`models/${folder} is missing: the site will open without its pair`);
      };
      await Promise.all(FOLDERS.map(copy));
    },
  };
}
