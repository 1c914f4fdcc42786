// Who may read a repository of a hub, where tokens go, and what others have downloaded of it.
import { describe, expect, test } from "vitest";
import { jsonFile } from "../../support/tiny-model.ts";
import {
  BIG,
  CONFIG,
  hub,
  isBig,
  open,
  OTHER,
  readBig,
  storage,
  TOKEN,
} from "../../support/hub-repositories.ts";

describe("tokens", () => {
  const withToken = { hub: { token: TOKEN } };

  test("open gated and private repositories, and go to the hub alone", async () => {
    for (const source of ["org/gated", "org/private"]) {
      const files = await open(source, withToken);
      expect(await files.json("config.json")).toEqual({ model_type: "llama" });
      expect(isBig(await readBig(files))).toBe(true);
    }
    const carried = new Map(hub.requests.map(({ kind, authorization }) => [kind, authorization]));
    expect([...carried]).toEqual([
      ["api", `Bearer ${TOKEN}`],
      ["resolve", `Bearer ${TOKEN}`],
      ["cdn", undefined],
    ]);
  });

  test("are nowhere in what is kept", async () => {
    const files = await open("org/gated", withToken);
    await files.json("config.json");
    await readBig(files);
    for (const [path, bytes] of storage.files) {
      expect(path + Buffer.from(bytes).toString("latin1")).not.toMatch(/hf_Very|secret-signature/);
    }
  });

  test("are nowhere in errors, and neither are signatures", async () => {
    const text = (error: unknown): string => JSON.stringify(error) + String(error);
    const fails = [
      () => open("org/gated", { hub: { token: "hf_VeryWrong" } }),
      () => open("org/absent", withToken),
      () => open("org/m@nothing", withToken),
      () => open("org/gated", { ...withToken, fetch: () => Promise.reject(new TypeError("no")) }),
    ];
    for (const opened of fails) {
      const error: unknown = await (await opened()).json("config.json").then(
        () => undefined,
        (reason: unknown) => reason,
      );
      expect(error).toMatchObject({ name: "CoppiceError" });
      expect(text(error)).not.toContain("hf_Very");
    }
    hub.faults.cuts.push(...Array.from({ length: 9 }, () => 0));
    const broken: unknown = await readBig(await open("org/gated", withToken)).catch(
      (reason: unknown) => reason,
    );
    expect(text(broken)).toContain("network");
    expect(text(broken)).not.toMatch(/hf_Very|secret-signature/);
  });

  test("a refusal says what to do", async () => {
    await expect((await open("org/gated")).json("config.json")).rejects.toMatchObject({
      code: "access-denied",
      message: "The repository org/gated is gated.",
      fix: expect.stringContaining("hub.token") as string,
    });
    await expect((await open("org/private")).list()).rejects.toMatchObject({
      code: "access-denied",
      fix: expect.stringContaining("private or gated") as string,
    });
    await expect((await open("org/m@nothing")).list()).rejects.toMatchObject({
      code: "source-invalid",
      message: 'org/m has no revision "nothing".',
    });
  });
});

describe("transformers.js's cache", () => {
  /** Cache Storage with these entries. */
  const cachesOf = (
    entries: Record<string, Uint8Array<ArrayBuffer>>,
    name = "transformers-cache",
  ) => ({
    has: (cache: string) => Promise.resolve(cache === name),
    open: () =>
      Promise.resolve({
        match: (url: string) =>
          Promise.resolve(url in entries ? new Response(entries[url]) : undefined),
      }),
  });
  const key = (name: string, revision = "main"): string =>
    `${hub.url}/org/m/resolve/${revision}/${name}`;

  test("is found, and nothing in it is downloaded again", async () => {
    const caches = cachesOf({ [key("config.json")]: CONFIG, [key("model.safetensors")]: BIG });
    for (let i = 0; i < 2; i++) {
      const files = await open("org/m", { caches });
      expect(await files.json("config.json")).toEqual({ model_type: "llama" });
      expect(isBig(await readBig(files))).toBe(true);
      expect(files.isFromCache("model.safetensors")).toBe(true);
      expect(await files.keptBytes("model.safetensors")).toBe(BIG.length);
      expect(hub.take()).toEqual(["api GET /api/models/org/m/revision/main"]);
    }
    expect(storage.paths("model.safetensors")).toEqual([]);
  });

  test("an old copy there is not taken for the new file", async () => {
    const old = jsonFile({ model_type: "other" });
    const caches = cachesOf({ [key("config.json")]: old, [key("model.safetensors")]: OTHER });
    const files = await open("org/m", { caches });
    expect(await files.json("config.json")).toEqual({ model_type: "llama" });
    expect(isBig(await readBig(files))).toBe(true);
  });

  test("a cache that may not be opened is as good as none", async () => {
    const caches = {
      has: () => Promise.reject(new DOMException("no", "SecurityError")),
      open: () => Promise.reject(new DOMException("no", "SecurityError")),
    };
    expect(await (await open("org/m", { caches })).json("config.json")).toBeDefined();
  });
});
