import { describe, expect, test } from "vitest";
import { parseAddress } from "../../../src/model/source/address.ts";
import { openSource } from "../../../src/model/source/index.ts";
import type { ModelSource } from "../../../src/options.ts";
import { jsonFile } from "../../support/tiny-model.ts";

describe("addresses", () => {
  const file = (source: string, base?: string) => parseAddress(source, base).file("config.json");

  test.each([
    ["org/name", "https://huggingface.co/org/name/resolve/main/config.json"],
    [
      "HuggingFaceTB/SmolLM2-1.7B",
      "https://huggingface.co/HuggingFaceTB/SmolLM2-1.7B/resolve/main/config.json",
    ],
    ["org/name@v1.0", "https://huggingface.co/org/name/resolve/v1.0/config.json"],
    ["org/name@refs/pr/7", "https://huggingface.co/org/name/resolve/refs%2Fpr%2F7/config.json"],
    ["https://huggingface.co/org/name", "https://huggingface.co/org/name/resolve/main/config.json"],
    [
      "https://huggingface.co/org/name/tree/abc",
      "https://huggingface.co/org/name/resolve/abc/config.json",
    ],
    [
      "https://huggingface.co/org/name/resolve/x/",
      "https://huggingface.co/org/name/resolve/x/config.json",
    ],
    ["https://example.com/models/m", "https://example.com/models/m/config.json"],
    ["http://localhost:8080", "http://localhost:8080/config.json"],
    ["https://example.com/m/?sig=a%20b", "https://example.com/m/config.json?sig=a%20b"],
  ])("%s", (source, expected) => {
    expect(file(source)).toBe(expected);
  });

  test.each([
    ["/models/m", "https://page.example/models/m/config.json"],
    ["./m", "https://page.example/app/m/config.json"],
    ["../m", "https://page.example/m/config.json"],
  ])("%s from a page", (source, expected) => {
    expect(file(source, "https://page.example/app/index.html")).toBe(expected);
  });

  test.each([
    "",
    "name",
    "a/b/c",
    "org/name@",
    "/m",
    "file:///m",
    "blob:https://x/1",
    "data:,x",
    "https://x/model.safetensors",
    "https://x/m/config.json",
    "org name/x",
  ])("%j is source-invalid", (source) => {
    expect(() => file(source)).toThrowError(
      expect.objectContaining({ code: "source-invalid" }) as Error,
    );
  });

  test.each([
    ["org/name", "https://mirror.example/hf/org/name/resolve/main/config.json"],
    [
      "https://mirror.example/hf/org/name/tree/v2",
      "https://mirror.example/hf/org/name/resolve/v2/config.json",
    ],
    ["https://huggingface.co/org/name", "https://huggingface.co/org/name/config.json"],
  ])("%s at another endpoint", (source, expected) => {
    const address = parseAddress(source, undefined, "https://mirror.example/hf");
    expect(address.file("config.json")).toBe(expected);
  });

  test("a key holds no query", () => {
    expect(parseAddress("https://x.example/m/?sig=secret", undefined).key).toBe(
      "https://x.example/m/",
    );
  });
});

describe("file maps", () => {
  const bytes = Uint8Array.from({ length: 100 }, (_, i) => i);
  const contents = {
    Uint8Array: () => bytes,
    ArrayBuffer: () => bytes.slice().buffer,
    Blob: () => new Blob([bytes]),
    File: () => new File([bytes], "other-name.bin"),
    Response: () => new Response(bytes),
  };

  test.each(Object.entries(contents))("%s: any range, any number of times", async (_, content) => {
    const files = await openSource({ files: { "model.safetensors": content() } });
    for (let round = 0; round < 2; round++) {
      const file = (await files.open("model.safetensors"))!;
      expect(file.size).toBe(100);
      expect([...(await file.read(90, 100))]).toEqual([...bytes.subarray(90)]);
      expect([...(await file.read(0, 3))]).toEqual([0, 1, 2]);
      await expect(file.read(90, 101)).rejects.toMatchObject({ code: "weights-invalid" });
      file.dispose();
    }
  });

  test("JSON from each kind of content, and from a Map", async () => {
    const json = jsonFile({ a: 1 });
    for (const content of [json, json.buffer, new Blob([json]), new Response(json)]) {
      expect(
        await (await openSource({ files: { "config.json": content } })).json("config.json"),
      ).toEqual({ a: 1 });
    }
    const map = new Map([["config.json", new Blob([json])]]);
    expect(
      await (await openSource({ files: map } as unknown as ModelSource)).json("config.json"),
    ).toEqual({ a: 1 });
  });

  test("names with folders, as a folder picker gives them, are found when only one fits", async () => {
    const json = jsonFile({});
    const files = await openSource({
      files: { "my/model/config.json": json, "x/t.json": json, "y/t.json": json },
    });
    expect(await files.json("config.json")).toEqual({});
    await expect(files.json("t.json")).rejects.toMatchObject({ code: "source-invalid" });
    expect(await files.json("nfig.json")).toBeUndefined();
    expect(await files.open("toString")).toBeUndefined();
  });

  test("broken files have the code of what they are", async () => {
    const bad = new TextEncoder().encode("{");
    const names = {
      "config.json": "config-invalid",
      "tokenizer.json": "tokenizer-invalid",
      "tokenizer_config.json": "tokenizer-invalid",
    };
    for (const [name, code] of Object.entries(names)) {
      await expect((await openSource({ files: { [name]: bad } })).json(name)).rejects.toMatchObject(
        { code },
      );
    }
  });

  test("a failed or already read response is a network error", async () => {
    const used = new Response("{}");
    await used.text();
    for (const response of [used, new Response("{}", { status: 500 })]) {
      const files = await openSource({ files: { "config.json": response } });
      await expect(files.json("config.json")).rejects.toMatchObject({ code: "network" });
    }
  });

  test.each([undefined, null, 7, {}, { files: 3 }, { files: null }, []])(
    "%j is no source",
    async (source) => {
      await expect(openSource(source as unknown as ModelSource)).rejects.toMatchObject({
        code: "source-invalid",
      });
    },
  );

  test("content of another kind is named", async () => {
    const files = await openSource({ files: { "config.json": "text" } } as unknown as ModelSource);
    await expect(files.json("config.json")).rejects.toMatchObject({
      code: "source-invalid",
      message: expect.stringContaining("config.json") as string,
    });
  });
});
