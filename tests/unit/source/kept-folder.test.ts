// Files of a folder on a server: kept by what the server says of their version, if it says anything.
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openSource } from "../../../src/model/source/index.ts";
import { ModelStore } from "../../../src/model/store/model-store.ts";
import { MemoryStorage } from "../../support/memory-storage.ts";

const BIG = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 9)) & 255);
let files: Record<string, { bytes: Uint8Array; headers: Record<string, string> }>;
let asked: string[];
let refused: string[];
let server: Server;
let storage: MemoryStorage;
let port = 0;

beforeEach(async () => {
  asked = [];
  refused = [];
  storage = new MemoryStorage();
  files = {
    "/m/config.json": { bytes: new TextEncoder().encode('{"v":1}'), headers: { etag: '"c1"' } },
    "/m/model.safetensors": {
      bytes: BIG,
      headers: { "last-modified": "Sat, 21 Nov 2026 00:00:00 GMT" },
    },
    "/m/unversioned.bin": { bytes: BIG, headers: {} },
  };
  server = createServer((request, response) => {
    const path = request.url!.split("?", 1)[0]!;
    asked.push(`${request.method} ${path}`);
    const file = files[path];
    if (refused.includes(request.method!)) return void response.writeHead(405).end();
    if (!file) return void response.writeHead(404).end();
    response.writeHead(200, { "content-length": String(file.bytes.length), ...file.headers });
    response.end(request.method === "HEAD" ? undefined : file.bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
});
afterEach(stop);

async function stop(): Promise<void> {
  if (!server.listening) return;
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
}

const open = () =>
  openSource(`http://127.0.0.1:${port}/m?signature=secret`, {
    store: new ModelStore(storage),
    firstPause: 1,
  });

async function load(name = "model.safetensors") {
  const source = await open();
  const config = await source.json("config.json");
  const generation = await source.json("generation_config.json");
  const file = (await source.open(name))!;
  const bytes = await file.read(0, file.size!);
  file.dispose();
  return { config, generation, bytes: Buffer.from(bytes), fromCache: source.isFromCache(name) };
}

test("a file is asked for its version, and read from the device while that is the same", async () => {
  expect((await load()).fromCache).toBe(false);
  asked.length = 0;
  const again = await load();
  expect(again.bytes.equals(BIG)).toBe(true);
  expect(again.fromCache).toBe(true);
  expect(asked).toEqual([
    "GET /m/config.json",
    "GET /m/generation_config.json",
    "HEAD /m/model.safetensors",
  ]);
});

test("a new version is read from the server, and takes the old one's place", async () => {
  await load();
  const changed = BIG.map((byte) => byte ^ 1);
  const headers = { "last-modified": "Sun, 22 Nov 2026 00:00:00 GMT" };
  files["/m/model.safetensors"] = { bytes: changed, headers };
  for (const fromCache of [false, true]) {
    const again = await load();
    expect(again.bytes.equals(changed)).toBe(true);
    expect(again.fromCache).toBe(fromCache);
  }
  expect(storage.paths("model.safetensors")).toHaveLength(1);
});

test("without a connection all is as it was, what was missing too", async () => {
  await load();
  await stop();
  const again = await load();
  expect(again).toMatchObject({ config: { v: 1 }, generation: undefined, fromCache: true });
  expect(again.bytes.equals(BIG)).toBe(true);
  await expect((await open()).open("other.bin")).rejects.toMatchObject({ code: "network" });
});

test("a server that answers no such question is asked for the file", async () => {
  await load();
  refused = ["HEAD"];
  const again = await load();
  expect(again.bytes.equals(BIG)).toBe(true);
  expect(again.fromCache).toBe(true);
});

test("what has no version is not kept, and no query is", async () => {
  for (let i = 0; i < 2; i++) expect((await load("unversioned.bin")).fromCache).toBe(false);
  expect(storage.paths("unversioned")).toEqual([]);
  for (const bytes of storage.files.values()) {
    expect(Buffer.from(bytes).toString("latin1")).not.toContain("secret");
  }
});
