// Builds the library and the playground where their sources are newer, so that no command ever runs yesterday's.
import { join } from "node:path";
import { command } from "./command.mjs";
import { newestChange, ROOT } from "./files.mjs";

const SOURCES = [
  ...["src", "shaders", "package.json", "tsconfig.build.json", "vite.config.ts"],
  ...["scripts/minify-wgsl.mjs", "scripts/plain-worker-url.mjs"],
  ...["scripts/fallback-asset.mjs", "scripts/plain-fallback-url.mjs"],
];

const DEMO_SOURCES = [
  ...["src", "style", "index.html", "mark.svg", "embedded-pair.ts", "vite.config.ts"].map(
    (name) => `demo/${name}`,
  ),
  ...["dist", "models", "scripts/third-party.mjs"],
];

/** @param {readonly string[]} names */
const newestOf = (names) => Math.max(...names.map((name) => newestChange(join(ROOT, name))));

export function isBuilt() {
  const newestSource = newestOf(SOURCES);
  const entry = newestChange(join(ROOT, "dist/index.js"));
  const types = newestChange(join(ROOT, "dist/types/index.d.ts"));
  return Math.min(entry, types) > newestSource;
}

/** Throws with the build's own output where it fails. */
export function ensureBuilt() {
  if (!isBuilt()) build("build");
}

/** The playground as a static site, in demo/dist. Throws with the build's own output where it fails. */
export function ensureDemoBuilt() {
  ensureBuilt();
  const built = newestChange(join(ROOT, "demo/dist/index.html"));
  if (built < newestOf(DEMO_SOURCES)) build("build:demo");
}

/** @param {string} script */
function build(script) {
  const { ok, output } = command("npm", ["run", "--silent", script]);
  if (!ok) throw new Error(`npm run ${script} failed\n${output}`);
}
