// Files stay short enough to be read in one go, and say nothing about one machine or one registry.
import { readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";

const FOLDERS = ["src", "shaders", "tests", "bench", "scripts", "demo", "docs", ".ci"];
const GENERATED = new Set(["node_modules", "dist", "__pycache__", "results", "golden"]);
const WRITTEN = new Set([".ts", ".mjs", ".wgsl", ".css", ".html", ".py", ".md", ""]);

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return GENERATED.has(entry.name) ? [] : filesBelow(path);
    return WRITTEN.has(extname(entry.name)) ? [path] : [];
  });
}

const present = new Set(readdirSync(ROOT));
const files = FOLDERS.filter((folder) => present.has(folder)).flatMap(filesBelow);
const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
const lines = (path: string) => text(path).split("\n").length - 1;

test("no file is longer than 400 lines", () => {
  const long = files.map((path) => [path, lines(path)] as const).filter(([, count]) => count > 400);
  expect(long).toEqual([]);
});

test("the median source file is shorter than 120 lines", () => {
  const counts = files.filter((path) => /^(src|shaders)\//.test(path)).map(lines);
  counts.sort((a, b) => a - b);
  expect(counts[counts.length >> 1]).toBeLessThan(120);
});

test("file names are kebab-case", () => {
  const odd = files.filter((path) => /[A-Z_ ]/.test(path) && !/(README|__)/.test(path));
  expect(odd).toEqual([]);
});

test("the lock file names no registry", () => {
  expect(text("package-lock.json")).not.toMatch(/"resolved"|\.tgz/);
});

interface LockEntry {
  integrity?: string;
  optionalDependencies?: Record<string, string>;
}

const locked = (JSON.parse(text("package-lock.json")) as { packages: Record<string, LockEntry> })
  .packages;

test("the lock file has a hash for every package", () => {
  const without = Object.keys(locked).filter((path) => path !== "" && !locked[path]?.integrity);
  expect(without).toEqual([]);
});

// One missing entry, for a system that nobody here uses, makes `npm ci` refuse the whole file.
test("the lock file is complete for every system", () => {
  const missing = Object.entries(locked).flatMap(([path, entry]) =>
    Object.keys(entry.optionalDependencies ?? {}).filter(
      (name) => !locked[`node_modules/${name}`] && !locked[`${path}/node_modules/${name}`],
    ),
  );
  expect(missing).toEqual([]);
});

test("no file names a path of one machine", () => {
  // Spelled so that this file does not name them itself.
  const paths = /[/](home[/]\w|work[/]|Users[/]\w)/;
  expect(files.filter((path) => paths.test(text(path)))).toEqual([]);
});
