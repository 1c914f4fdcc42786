// Fresh apps with the package as npm would ship it: packed, unpacked into their node_modules, and built.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ROOT } from "../../scripts/lib/files.mjs";

const SOURCES = fileURLToPath(new URL("consumers", import.meta.url));

/** Not the folder where a server's pages begin. */
export const BASE = "/some/where/";

/** Runs a program in `cwd`; its output is the error where it fails. */
function run(cwd: string, program: string, ...args: string[]): void {
  const shell = process.platform === "win32" && program === "npm";
  const { status, stdout, stderr, error } = spawnSync(program, args, {
    cwd,
    shell,
    encoding: "utf8",
  });
  if (status === 0) return;
  throw new Error(`${program} ${args.join(" ")} failed\n${stdout}${stderr}${error ?? ""}`);
}

/** A program of this repository's own packages, by its file. */
export function runTool(cwd: string, tool: string, ...args: string[]): void {
  run(cwd, process.execPath, join(ROOT, tool), ...args);
}

/** A folder of the apps' sources with the package beside them, where each of them finds it. */
export function unpackApps(): string {
  const apps = mkdtempSync(join(tmpdir(), "coppice-apps-"));
  cpSync(SOURCES, apps, { recursive: true });
  run(ROOT, "npm", "pack", "--offline", "--ignore-scripts", "--silent", "--pack-destination", apps);
  const tarball = readdirSync(apps).find((name) => name.endsWith(".tgz"))!;
  for (const app of ["plain", "vite", "webpack"]) {
    const folder = join(apps, app, "node_modules/coppice");
    mkdirSync(folder, { recursive: true });
    run(apps, "tar", "-xzf", tarball, "-C", folder, "--strip-components=1");
  }
  return apps;
}

export const buildVite = (apps: string): void =>
  runTool(join(apps, "vite"), "node_modules/vite/bin/vite.js", "build", "--base", "./");

export const buildWebpack = (apps: string): void =>
  runTool(join(apps, "webpack"), "tests/e2e/consumers/build-webpack.mjs");

/** The first block of code in that language in a file of this repository. */
export function codeBlock(file: string, language: string): string {
  const text = readFileSync(join(ROOT, file), "utf8");
  const block = new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\`$`, "m").exec(text);
  if (!block) throw new Error(`${file} has no block of ${language}`);
  return block[1]!;
}
