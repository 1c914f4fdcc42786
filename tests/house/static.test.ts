// The server behind `npm run generate` answers as a static host would, and leaves its folders alone.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { resolveMount, serveStatic } from "../../scripts/lib/static.mjs";

const folder = mkdtempSync(join(tmpdir(), "coppice-static-"));
mkdirSync(join(folder, "model"));
writeFileSync(join(folder, "model/digits.bin"), "0123456789");
writeFileSync(join(folder, "model/empty.bin"), "");
writeFileSync(join(folder, "secret"), "secret");

const server = await serveStatic({ "/m/": join(folder, "model"), "/": join(folder, "secret") });

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

test.each([
  [undefined, 200, "0123456789", null],
  ["bytes=2-4", 206, "234", "bytes 2-4/10"],
  ["bytes=8-", 206, "89", "bytes 8-9/10"],
  ["bytes=8-99", 206, "89", "bytes 8-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=10-", 416, "", "bytes */10"],
])("range %s", async (range, status, body, contentRange) => {
  const response = await fetch(`${server.origin}/m/digits.bin`, {
    headers: range ? { range } : {},
  });
  expect(response.status).toBe(status);
  expect(await response.text()).toBe(body);
  expect(response.headers.get("content-range")).toBe(contentRange);
});

test("an empty file, a missing file, a folder", async () => {
  const statusOf = async (path: string) => (await fetch(server.origin + path)).status;
  expect(await statusOf("/m/empty.bin")).toBe(200);
  expect(await statusOf("/m/none.bin")).toBe(404);
  expect(await statusOf("/m/")).toBe(404);
});

test("a path cannot leave its folder", () => {
  const mounts = { "/m/": "/data/model" };
  expect(resolveMount(mounts, "/m/a/../b.json")).toBe("/data/model/b.json");
  expect(resolveMount(mounts, "/m/../secret")).toBeUndefined();
  expect(resolveMount(mounts, "/m/%2e%2e/secret")).toBeUndefined();
  expect(resolveMount(mounts, "/other")).toBeUndefined();
});
