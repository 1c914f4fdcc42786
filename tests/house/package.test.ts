// The package as npm would ship it: small, typed, and with no shader on the page's side.
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { beforeAll, expect, test } from "vitest";
import { ensureBuilt } from "../../scripts/lib/build.mjs";
import { ROOT } from "../../scripts/lib/files.mjs";

const KB = 1000;
const WGSL = /@compute|var<storage|@builtin\(/;

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");
const gzipped = (path: string) => gzipSync(read(path), { level: 9 }).length;
const assets = () => readdirSync(join(ROOT, "dist/assets")).filter((name) => name.endsWith(".js"));

beforeAll(() => ensureBuilt(), 120_000);

test("the page's bundle is at most 4.8 kB gzipped and holds no WGSL", () => {
  expect(gzipped("dist/index.js")).toBeLessThanOrEqual(4.8 * KB);
  expect(read("dist/index.js")).not.toMatch(WGSL);
});

test("the whole library without the fallback is at most 140 kB gzipped, its shaders included", () => {
  const files = ["dist/index.js", ...assets().map((name) => `dist/assets/${name}`)];
  const total = files.reduce((sum, path) => sum + gzipped(path), 0);
  expect(total).toBeLessThanOrEqual(140 * KB);
  expect(files.some((path) => WGSL.test(read(path)))).toBe(true);
});

test("the fallback is a script of at most 40 kB gzipped beside ONNX Runtime's WebAssembly", () => {
  expect(readdirSync(join(ROOT, "dist/fallback")).sort()).toEqual([
    "ort-wasm-simd-threaded.wasm",
    "ort.js",
  ]);
  expect(gzipped("dist/fallback/ort.js")).toBeLessThanOrEqual(40 * KB);
  expect(read("dist/fallback/ort.js")).not.toMatch(WGSL);
  // Bundlers find them by these addresses, and must leave the script alone when it is imported.
  const worker = read(`dist/assets/${assets()[0]}`);
  for (const name of ["ort.js", "ort-wasm-simd-threaded.wasm"]) {
    expect(worker).toMatch(
      new RegExp(`new URL\\(.\\.\\./fallback/${name}., ?import\\.meta\\.url\\)`),
    );
  }
  expect(worker).toMatch(/import\(\s*\/\* @vite-ignore \*\/\s*\/\* webpackIgnore: true \*\//);
});

test("the worker is one file, its address in the form that bundlers know", () => {
  expect(assets()).toHaveLength(1);
  const address = new RegExp(
    `new Worker\\(new URL\\(.assets/${assets()[0]}., ?import\\.meta\\.url\\), ?{ ?type:`,
  );
  expect(read("dist/index.js")).toMatch(address);
});

test("importing it does nothing, so that pages with it can be rendered on a server", async () => {
  const page = (await import(pathToFileURL(join(ROOT, "dist/index.js")).href)) as object;
  expect(Object.keys(page).sort()).toEqual([
    "CoppiceError",
    "cachedModels",
    "clearCache",
    "loadEngine",
    "modelInfo",
  ]);
});

test("dist carries the licenses of what it bundles", () => {
  const { dependencies } = JSON.parse(read("package.json")) as { dependencies: object };
  const text = read("dist/third-party-licenses.md");
  for (const name of [...Object.keys(dependencies), "onnxruntime-web"]) {
    expect(text).toMatch(new RegExp(`^## ${name} .*\\n\\n\\S`, "m"));
  }
});

test("publint finds no fault", async () => {
  const { messages, pkg } = await publint({ pkgDir: ROOT, strict: true });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test("types resolve for every ESM consumer (are the types wrong?)", () => {
  const attw = join(ROOT, "node_modules/@arethetypeswrong/cli/dist/index.js");
  const args = [attw, "--pack", ".", "--profile", "esm-only", "--format", "ascii", "--no-emoji"];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: ROOT,
    encoding: "utf8",
  });
  expect(status, stdout + stderr).toBe(0);
}, 120_000);
