// Models over HTTP, from servers that behave and servers that do not.
import { afterEach, describe, expect, test } from "vitest";
import { readSafetensorsHeader } from "../../../src/model/formats/safetensors.ts";
import { openSource } from "../../../src/model/source/index.ts";
import type { FileProgress, TensorFile } from "../../../src/model/source/index.ts";
import { type FileServer, type FileServerOptions, serveFiles } from "../../support/file-server.ts";
import { jsonFile } from "../../support/tiny-model.ts";

const BIG = Uint8Array.from({ length: 20 * 2 ** 20 }, (_, i) => (i * 7 + (i >> 11)) & 255);
const FILES = {
  "m/config.json": jsonFile({ model_type: "llama" }),
  "m/model.safetensors": BIG,
  "m/broken.json": new TextEncoder().encode('{"a": '),
};
const PAGE = "<!doctype html><title>App</title>";

let server: FileServer | undefined;
afterEach(() => server?.close());

async function serve(options: FileServerOptions = {}) {
  server = await serveFiles(FILES, options);
  return server;
}

async function openBig(options: FileServerOptions = {}, signal?: AbortSignal): Promise<TensorFile> {
  const { url } = await serve(options);
  return (await (await openSource(`${url}m`, { signal })).open("model.safetensors"))!;
}

async function expectBytes(file: TensorFile, start: number, end: number): Promise<void> {
  const bytes = await file.read(start, end);
  expect(Buffer.compare(bytes, BIG.subarray(start, end))).toBe(0);
}

describe("JSON", () => {
  test("is parsed, with or without a slash at the folder's end, and reported", async () => {
    const { url, requests } = await serve();
    const progress: FileProgress[] = [];
    for (const folder of [`${url}m`, `${url}m/`]) {
      const files = await openSource(folder, { onProgress: (p) => progress.push(p) });
      expect(files.label).toBe(`${url}m/`);
      expect(await files.json("config.json")).toEqual({ model_type: "llama" });
    }
    expect(requests).toEqual(["GET /m/config.json", "GET /m/config.json"]);
    const size = FILES["m/config.json"].length;
    expect(progress[0]).toEqual({ file: "config.json", loadedBytes: size, totalBytes: size });
  });

  test("a relative URL is resolved against the page, and a query goes with every file", async () => {
    const { url, requests } = await serve();
    await (await openSource("./m", { baseUrl: `${url}app.html` })).json("config.json");
    await (await openSource("/m", { baseUrl: `${url}deep/app.html` })).json("config.json");
    await (await openSource(`${url}m?key=1`)).json("config.json");
    expect(requests).toEqual([
      "GET /m/config.json",
      "GET /m/config.json",
      "GET /m/config.json?key=1",
    ]);
  });

  test("a file that is not there is undefined", async () => {
    const { url } = await serve();
    const files = await openSource(`${url}m`);
    expect(await files.json("generation_config.json")).toBeUndefined();
    expect(await files.open("absent.safetensors")).toBeUndefined();
  });

  test("redirects are followed", async () => {
    const { url } = await serve({ redirects: { "old/config.json": "/m/config.json" } });
    expect(await (await openSource(`${url}old`)).json("config.json")).toEqual({
      model_type: "llama",
    });
  });

  test("broken JSON says where", async () => {
    const { url } = await serve();
    await expect((await openSource(`${url}m`)).json("broken.json")).rejects.toMatchObject({
      code: "source-invalid",
      message: expect.stringContaining(`${url}m/broken.json is not valid JSON`) as string,
    });
  });
});

describe("an HTML page instead of a file", () => {
  test("is an error where the address may be wrong", async () => {
    const { url } = await serve({ fallbackPage: PAGE });
    for (const read of ["json", "open"] as const) {
      const files = await openSource(`${url}wrong`);
      await expect(files[read]("config.json")).rejects.toMatchObject({
        code: "source-invalid",
        message: expect.stringContaining(`${url}wrong/config.json`) as string,
      });
    }
  });

  test("means no such file once one was right", async () => {
    const { url } = await serve({ fallbackPage: PAGE });
    const files = await openSource(`${url}m`);
    await files.json("config.json");
    expect(await files.json("generation_config.json")).toBeUndefined();
    expect(await files.open("model.safetensors.index.json")).toBeUndefined();
  });

  test("is recognised under a wrong content type", async () => {
    server = await serveFiles({ "m/config.json": new TextEncoder().encode(`\n ${PAGE}`) });
    await expect((await openSource(`${server.url}m`)).json("config.json")).rejects.toMatchObject({
      code: "source-invalid",
    });
  });
});

describe("failures are typed, with the URL", () => {
  test.each([
    [500, "network"],
    [503, "network"],
    [429, "network"],
    [403, "access-denied"],
    [401, "access-denied"],
  ])("status %d is %s", async (status, code) => {
    const { url } = await serve({ fail: { path: /config/, status } });
    const files = await openSource(`${url}m?key=secret`);
    await expect(files.json("config.json")).rejects.toMatchObject({
      code,
      message: `${url}m/config.json answered with status ${status}.`,
    });
  });

  test("nobody there", async () => {
    const { url, close } = await serve();
    await close();
    await expect((await openSource(`${url}m`)).json("config.json")).rejects.toMatchObject({
      code: "network",
      message: expect.stringContaining(url) as string,
    });
  });

  test("a connection that breaks off", async () => {
    await openBig({ breakAfter: 100_000, ranges: false });
    const again = await openSource(`${server!.url}m`, { firstPause: 1 });
    const file = (await again.open("model.safetensors"))!;
    // From the start each time, it never comes further than the first time.
    await expect(file.read(0, 2 ** 20)).rejects.toMatchObject({ code: "network" });
    expect(server!.requests).toHaveLength(1 + 1 + 5);
    const files = await openSource(`${server!.url}m`);
    await server!.close();
    await expect(files.json("config.json")).rejects.toMatchObject({ code: "network" });
  });
});

describe("a large file", () => {
  test("whose connection breaks off is read on from there", async () => {
    await openBig({ breakAfter: 300_000 });
    server!.requests.length = 0;
    const again = await openSource(`${server!.url}m`, { firstPause: 1 });
    const file = (await again.open("model.safetensors"))!;
    await expectBytes(file, 0, 2 ** 20);
    expect(server!.requests).toEqual([
      "GET /m/model.safetensors",
      ...[300, 600, 900].map((k) => `GET /m/model.safetensors bytes=${k}000-`),
    ]);
  });

  test.each([{}, { chunked: true }, { slowPiece: 300_001 }])(
    "read in order takes one request %j",
    async (options) => {
      const file = await openBig(options);
      expect(file.size).toBe("chunked" in options ? undefined : BIG.length);
      for (const [start, end] of [
        [0, 8],
        [8, 8],
        [8, 70_000],
        [70_001, 5_000_000],
        [9_000_000, 9_000_001],
      ] as const) {
        await expectBytes(file, start, end);
      }
      expect(server!.requests).toEqual(["GET /m/model.safetensors"]);
      file.dispose();
    },
  );

  test("going back, or far ahead, asks for the rest from there", async () => {
    const file = await openBig();
    await expectBytes(file, 0, 100);
    await expectBytes(file, 50, 200);
    await expectBytes(file, 15 * 2 ** 20, 15 * 2 ** 20 + 10);
    expect(server!.requests.slice(1)).toEqual([
      "GET /m/model.safetensors bytes=50-",
      `GET /m/model.safetensors bytes=${15 * 2 ** 20}-`,
    ]);
  });

  test("a server that ignores Range is read from its start again", async () => {
    const file = await openBig({ ranges: false });
    await expectBytes(file, 0, 100);
    await expectBytes(file, 15 * 2 ** 20, 15 * 2 ** 20 + 10);
    await expectBytes(file, 60, 1000);
    await expectBytes(file, 18 * 2 ** 20, 18 * 2 ** 20 + 10);
    expect(server!.requests).toHaveLength(3); // one try with Range, one way back
  });

  test("bytes from another place than asked for are refused", async () => {
    const file = await openBig({ wrongRange: true });
    await expectBytes(file, 100, 200);
    await expect(file.read(50, 60)).rejects.toMatchObject({ code: "network" });
  });

  test("that ends early is weights-invalid", async () => {
    for (const options of [{}, { chunked: true }]) {
      const file = await openBig(options);
      const past = file.read(BIG.length - 10, BIG.length + 1);
      await expect(past).rejects.toMatchObject({ code: "weights-invalid" });
      await server!.close();
    }
    const file = await openBig();
    const beyond = file.read(BIG.length + 2 ** 24, BIG.length + 2 ** 24 + 1);
    await expect(beyond).rejects.toMatchObject({ code: "weights-invalid" });
  });

  test("whose first bytes are no header is weights-invalid", async () => {
    await expect(readSafetensorsHeader(await openBig())).rejects.toMatchObject({
      code: "weights-invalid",
    });
  });
});

describe("aborting", () => {
  test("a slow read ends it at once, and the connection", async () => {
    const controller = new AbortController();
    const file = await openBig({ slowPiece: 10_000 }, controller.signal);
    await expectBytes(file, 0, 10);
    const run = file.read(10, 15 * 2 ** 20);
    setTimeout(() => controller.abort(), 30);
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    await expect.poll(() => server!.closedEarly).toEqual(["/m/model.safetensors"]);
  });

  test("before the request sends none", async () => {
    const { url, requests } = await serve();
    const files = await openSource(`${url}m`, { signal: AbortSignal.abort() });
    await expect(files.json("config.json")).rejects.toMatchObject({ code: "aborted" });
    expect(requests).toEqual([]);
  });

  test("with a reason of one's own, or by a timeout, is aborted too", async () => {
    for (const signal of [AbortSignal.abort("enough"), AbortSignal.abort(new Error("enough"))]) {
      const files = await openSource(`${(server = await serveFiles(FILES)).url}m`, { signal });
      await expect(files.json("config.json")).rejects.toMatchObject({ code: "aborted" });
      await server.close();
    }
    // On a busy machine the time is up before the file is open.
    const read = async () => {
      const file = await openBig({ slowPiece: 10_000 }, AbortSignal.timeout(40));
      await file.read(0, 15 * 2 ** 20);
    };
    await expect(read()).rejects.toMatchObject({ code: "aborted" });
  });

  test("disposing of a file closes its connection", async () => {
    const file = await openBig({ slowPiece: 10_000 });
    await file.read(0, 10);
    file.dispose();
    await expect.poll(() => server!.closedEarly).toEqual(["/m/model.safetensors"]);
  });
});
