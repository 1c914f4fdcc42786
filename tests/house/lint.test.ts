// The linter's own rules, proven by breaking them: each planted file must be refused for the
// reason given, and the same tree without them must pass.
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";
import { CLEAN, PLANTED } from "./planted.ts";

interface Diagnostic {
  filename: string;
  message: string;
  help?: string;
}

const folders: string[] = [];

/** Lints a tree of its own with the project's configuration. */
function lint(files: Record<string, string>): { status: number | null; diagnostics: Diagnostic[] } {
  const folder = mkdtempSync(join(tmpdir(), "coppice-lint-"));
  folders.push(folder);
  for (const path of [".oxlintrc.json", "scripts/lint", "tsconfig.json", "tsconfig.base.json"]) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  symlinkSync(join(ROOT, "node_modules"), join(folder, "node_modules"), "junction");
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), `${text}\n`);
  }
  const oxlint = join(ROOT, "node_modules/oxlint/bin/oxlint");
  const run = spawnSync(process.execPath, [oxlint, "--format", "json"], {
    cwd: folder,
    encoding: "utf8",
  });
  const { diagnostics } = JSON.parse(run.stdout) as { diagnostics: Diagnostic[] };
  return { status: run.status, diagnostics };
}

const clean = lint(CLEAN);
const broken = lint({
  ...CLEAN,
  ...Object.fromEntries(PLANTED.map(({ path, text }) => [path, text])),
});

afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

test("a tree that keeps the rules passes", () => {
  expect(clean.diagnostics).toEqual([]);
  expect(clean.status).toBe(0);
});

test("a tree that breaks them fails", () => expect(broken.status).not.toBe(0));

test.each(PLANTED)("refused: $title", ({ path, reason }) => {
  const said = broken.diagnostics
    .filter(({ filename }) => filename === path)
    .map(({ message, help }) => `${message} ${help ?? ""}`);
  expect(said.join("\n")).toMatch(reason);
});

test("a file that keeps the rules is not blamed for its neighbours", () => {
  const planted = new Set(PLANTED.map(({ path }) => path));
  const blamed = broken.diagnostics.filter(
    ({ filename, message }) => !planted.has(filename) && !message.includes("cycle"),
  );
  expect(blamed).toEqual([]);
});
