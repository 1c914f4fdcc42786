// Builds dist/ when the sources are newer than it, so that no command ever runs yesterday's library.
import { join } from "node:path";
import { command } from "./command.mjs";
import { newestChange, ROOT } from "./files.mjs";

const SOURCES = [
  ...["src", "shaders", "package.json", "tsconfig.build.json", "vite.config.ts"],
  ...["scripts/minify-wgsl.mjs", "scripts/plain-worker-url.mjs"],
  ...["scripts/fallback-asset.mjs", "scripts/plain-fallback-url.mjs"],
];

export function isBuilt() {
  const newestSource = Math.max(...SOURCES.map((name) => newestChange(join(ROOT, name))));
  const entry = newestChange(join(ROOT, "dist/index.js"));
  const types = newestChange(join(ROOT, "dist/types/index.d.ts"));
  return Math.min(entry, types) > newestSource;
}

/** Throws with the build's own output where it fails. */
export function ensureBuilt() {
  if (isBuilt()) return;
  const { ok, output } = command("npm", ["run", "--silent", "build"]);
  if (!ok) throw new Error(`the build failed\n${output}`);
}
