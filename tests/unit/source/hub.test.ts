// Repositories of a hub, kept on the device: what is asked for, what is kept, and what is found out.
import { describe, expect, test } from "vitest";
import { ModelStore } from "../../../src/model/store/model-store.ts";
import { PIECE_BYTES } from "../../../src/model/store/piece-file.ts";
import { commitOf } from "../../support/hub-server.ts";
import {
  BIG,
  hub,
  isBig,
  open,
  OTHER,
  readBig,
  renewStorage,
  storage,
  V1,
  V2,
} from "../../support/hub-repositories.ts";

const sent = (): number =>
  hub.requests.filter(({ kind }) => kind === "cdn").reduce((sum, { sent }) => sum + sent, 0);

describe("a first load, and the next", () => {
  test("asks for the listing and for what is needed, at the commit", async () => {
    const files = await open();
    expect(await files.json("config.json")).toEqual({ model_type: "llama" });
    expect(await files.json("generation_config.json")).toBeUndefined();
    expect(isBig(await readBig(files))).toBe(true);
    expect(files.isFromCache("model.safetensors")).toBe(false);
    const commit = commitOf(V1);
    expect(hub.take().map((line) => line.replace(/\/[0-9a-f]{64}/, ""))).toEqual([
      "api GET /api/models/org/m/revision/main",
      `resolve GET /org/m/resolve/${commit}/config.json`,
      `resolve GET /org/m/resolve/${commit}/model.safetensors`,
      "cdn GET /org/m/model.safetensors",
    ]);
  });

  test("the next load asks for the listing alone; of a commit it asks nothing", async () => {
    for (const source of ["org/m", `org/m@${commitOf(V1)}`]) {
      const first = await open(source);
      await first.json("config.json");
      await readBig(first);
      hub.take();
      const files = await open(source);
      expect(await files.json("config.json")).toEqual({ model_type: "llama" });
      expect(isBig(await readBig(files))).toBe(true);
      expect(files.isFromCache("config.json")).toBe(true);
      expect(files.isFromCache("model.safetensors")).toBe(true);
      const asked = source === "org/m" ? ["api GET /api/models/org/m/revision/main"] : [];
      expect(hub.take()).toEqual(asked);
    }
  });

  test("without a connection it is read as it was", async () => {
    const first = await open();
    await first.json("config.json");
    await readBig(first);
    const fetch = () => Promise.reject(new TypeError("Failed to fetch"));
    const files = await open("org/m", { fetch });
    expect(await files.json("config.json")).toEqual({ model_type: "llama" });
    expect(await files.json("generation_config.json")).toBeUndefined();
    expect(isBig(await readBig(files))).toBe(true);
    await expect((await open("org/n", { fetch })).list()).rejects.toMatchObject({
      code: "network",
    });
  });

  test("a hub in trouble is as good as none", async () => {
    await (await open()).json("config.json");
    hub.faults.apiStatus = 503;
    expect(await (await open()).json("config.json")).toEqual({ model_type: "llama" });
  });

  test("so is a network that answers everything with a page", async () => {
    hub.faults.apiPage = "<!doctype html><title>Welcome to the hotel</title>";
    await expect((await open()).list()).rejects.toMatchObject({ code: "network" });
    hub.faults.apiPage = undefined;
    await (await open()).json("config.json");
    hub.faults.apiPage = "<!doctype html><title>Welcome to the hotel</title>";
    expect(await (await open()).json("config.json")).toEqual({ model_type: "llama" });
  });

  test("files that are compressed on the way are what they were", async () => {
    hub.faults.gzip = true;
    expect(await (await open()).json("config.json")).toEqual({ model_type: "llama" });
    hub.take();
    const files = await open();
    expect(await files.json("config.json")).toEqual({ model_type: "llama" });
    expect(files.isFromCache("config.json")).toBe(true);
  });

  test("a new commit brings what is new of it, and what no revision has any more goes", async () => {
    const revisions = hub.repositories["org/m"]!.revisions;
    await readBig(await open());
    revisions["main"] = V2;
    hub.take();
    expect(isBig(await readBig(await open()))).toBe(true);
    expect(hub.take()).toEqual(["api GET /api/models/org/m/revision/main"]);
    revisions["main"] = { ...V2, "model.safetensors": OTHER };
    await readBig(await open());
    expect(storage.paths("model.safetensors")).toHaveLength(1);
    revisions["main"] = V1;
  });

  test("revisions share the files that they have in common", async () => {
    await readBig(await open("org/m@main"));
    hub.take();
    expect(isBig(await readBig(await open("org/m@next")))).toBe(true);
    expect(hub.take()).toEqual(["api GET /api/models/org/m/revision/next"]);
    expect(storage.paths("model.safetensors")).toHaveLength(1);
  });

  test("a mirror without a listing is a folder of files", async () => {
    hub.faults.apiStatus = 404;
    const files = await open();
    expect(await files.json("config.json")).toEqual({ model_type: "llama" });
    expect(await files.json("absent.json")).toBeUndefined();
    expect(isBig(await readBig(files))).toBe(true);
    expect(await files.list()).toBeUndefined();
    hub.take();
    expect(isBig(await readBig(await open()))).toBe(true);
    expect(hub.take().filter((line) => line.startsWith("cdn GET"))).toEqual([]);
  });
});

describe("a download that breaks off", () => {
  test("goes on where it broke, in the same load", async () => {
    hub.faults.cuts.push(1_000_000, 500_000);
    expect(isBig(await readBig(await open()))).toBe(true);
    const ranges = hub.requests.filter(({ kind }) => kind === "cdn").map(({ range }) => range);
    expect(ranges).toEqual([undefined, "bytes=1000000-", "bytes=1500000-"]);
    expect(sent()).toBe(BIG.length);
  });

  test("goes on at the last whole piece, in a later load", async () => {
    const failing = Array.from({ length: 7 }, () => 0);
    hub.faults.cuts.push(2 * PIECE_BYTES + 10, ...failing);
    await expect(readBig(await open())).rejects.toMatchObject({ code: "network" });
    hub.take();
    hub.faults.cuts.length = 0;
    expect(isBig(await readBig(await open()))).toBe(true);
    const [request, ...more] = hub.requests.filter(({ kind }) => kind === "cdn");
    expect(more).toEqual([]);
    expect(request).toMatchObject({ range: `bytes=${2 * PIECE_BYTES}-`, sent: 1000 });
  });

  test("a server without ranges is read from the start again", async () => {
    hub.faults.noRanges = true;
    hub.faults.cuts.push(1_000_000);
    expect(isBig(await readBig(await open()))).toBe(true);
  });

  test("a part of a file is kept as a part", async () => {
    await readBig(await open(), 1000);
    hub.take();
    expect(await (await open()).keptBytes("model.safetensors")).toBe(PIECE_BYTES);
    hub.take();
    const rest = await readBig(await open(), BIG.length, PIECE_BYTES + 5);
    expect(Buffer.compare(rest, BIG.subarray(PIECE_BYTES + 5))).toBe(0);
    expect(hub.requests.find(({ kind }) => kind === "cdn")?.range).toBe(`bytes=${PIECE_BYTES}-`);
  });
});

describe("what is not what it should be", () => {
  test("a large file that the hub lists with another hash is refused, and not kept", async () => {
    hub.faults.corrupt = /model/;
    await expect(readBig(await open())).rejects.toMatchObject({
      code: "hash-mismatch",
      message: expect.stringContaining("model.safetensors") as string,
    });
    hub.faults.corrupt = undefined;
    expect(await (await open()).keptBytes("model.safetensors")).toBe(0);
    expect(isBig(await readBig(await open()))).toBe(true);
  });

  test("so it is where nothing is kept", async () => {
    hub.faults.corrupt = /model/;
    const files = await open("org/m", { store: undefined });
    await expect(readBig(files)).rejects.toMatchObject({ code: "hash-mismatch" });
  });

  test("so is one that was put together from two loads", async () => {
    hub.faults.corrupt = /model/;
    await readBig(await open(), BIG.length, BIG.length - 10); // the piece that is wrong, alone
    hub.faults.corrupt = undefined;
    await expect(readBig(await open())).rejects.toMatchObject({ code: "hash-mismatch" });
    expect(isBig(await readBig(await open()))).toBe(true);
  });

  test("a small file too, after another try", async () => {
    const fetch: typeof globalThis.fetch = async (url, init) => {
      const response = await globalThis.fetch(url, init);
      return new Request(url).url.includes("config") ? new Response('{"a": 1}') : response;
    };
    await expect((await open("org/m", { fetch })).json("config.json")).rejects.toMatchObject({
      code: "hash-mismatch",
    });
    expect(await (await open()).json("config.json")).toEqual({ model_type: "llama" });
  });

  test("a piece that went bad on the device is fetched again, and it alone", async () => {
    await readBig(await open());
    const [path] = storage.paths("model.safetensors");
    const bytes = storage.files.get(path!)!;
    bytes[bytes.length - 1]! ^= 1;
    hub.take();
    expect(isBig(await readBig(await open()))).toBe(true);
    expect(hub.requests.find(({ kind }) => kind === "cdn")?.range).toBe(
      `bytes=${2 * PIECE_BYTES}-`,
    );
    hub.take();
    expect(isBig(await readBig(await open()))).toBe(true);
    expect(hub.take()).toEqual(["api GET /api/models/org/m/revision/main"]);
  });

  test("and must be what it was", async () => {
    await readBig(await open());
    const [path] = storage.paths("model.safetensors");
    const bytes = storage.files.get(path!)!;
    bytes[bytes.length - 1]! ^= 1;
    hub.faults.corrupt = /model/;
    await expect(readBig(await open())).rejects.toMatchObject({ code: "hash-mismatch" });
  });

  test("files that cannot be understood are as good as none", async () => {
    await readBig(await open());
    for (const [path, bytes] of storage.files) storage.files.set(path, bytes.subarray(5));
    expect(isBig(await readBig(await open()))).toBe(true);
  });
});

describe("room", () => {
  test("the model used least recently goes when the limit is reached", async () => {
    const maxBytes = BIG.length * 1.5;
    await readBig(await open("org/m", { maxBytes }));
    await readBig(await open("org/n", { maxBytes }));
    const store = new ModelStore(storage);
    expect((await store.list()).map(({ label }) => label)).toEqual(["org/n"]);
  });

  test("and when the browser has no more", async () => {
    storage.limit = BIG.length * 1.5;
    await readBig(await open("org/m"));
    await readBig(await open("org/n"));
    const store = new ModelStore(storage);
    expect((await store.list()).map(({ label }) => label)).toEqual(["org/n"]);
    hub.take();
    await readBig(await open("org/n"));
    expect(hub.take()).toEqual(["api GET /api/models/org/n/revision/main"]);
  });

  test("a model that does not fit is loaded all the same, with a warning", async () => {
    for (const limit of [{ maxBytes: 1000 }, { room: 3_000_000 }]) {
      renewStorage();
      if ("room" in limit) storage.limit = limit.room;
      const warnings: string[] = [];
      const onWarning = (message: string): void => void warnings.push(message);
      const files = await open("org/m", { ...limit, onWarning });
      expect(isBig(await readBig(files))).toBe(true);
      expect(warnings).toEqual([expect.stringContaining("org/m")]);
    }
  });

  test("is made by the page", async () => {
    await readBig(await open("org/m"));
    await readBig(await open("org/n"));
    const store = new ModelStore(storage);
    expect(await store.clear(`${hub.url}/org/m`)).toBeGreaterThan(BIG.length);
    expect((await store.list()).map(({ label }) => label)).toEqual(["org/n"]);
    await store.clear();
    expect(storage.files.size).toBe(0);
  });
});

test("two engines that load a model at once both get it, and keep it once", async () => {
  const [one, two] = await Promise.all([open(), open()]);
  const both = await Promise.all([readBig(one), readBig(two)]);
  expect(both.map(isBig)).toEqual([true, true]);
  expect(storage.locked.size).toBe(0);
  hub.take();
  expect(isBig(await readBig(await open()))).toBe(true);
  expect(hub.take()).toEqual(["api GET /api/models/org/m/revision/main"]);
});

test("a few bytes are had for a small request", async () => {
  const file = (await (await open()).peek("model.safetensors"))!;
  expect(Buffer.compare(await file.read(10, 20), BIG.subarray(10, 20))).toBe(0);
  expect(Buffer.compare(await file.read(30, 3000), BIG.subarray(30, 3000))).toBe(0);
  expect(sent()).toBe(65536);
  await expect(file.read(BIG.length - 1, BIG.length + 1)).rejects.toMatchObject({
    code: "weights-invalid",
  });
});
