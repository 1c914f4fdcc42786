// The built package in a Chromium without WebGPU: the same API on ONNX Runtime, which no other page downloads.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";
import { tinyModel } from "../support/tiny-model.ts";
import { resultOf, TestBrowser, valueOf } from "./browser.ts";

const TALES = join(ROOT, "models/tales");
const PAIR = { target: "/models/tales/target/", draft: "/models/tales/draft/" };
const COUNT = 24;

const [golden] = (
  JSON.parse(readFileSync(join(TALES, "golden/greedy.json"), "utf8")) as {
    target: { prompt: string; ids: number[] }[];
  }
).target.filter(({ prompt }) => prompt === "Once upon a time there was a");

/** Files of the fallback that the page, or a worker of its, asked for. */
function watched(page: Page): string[] {
  const asked: string[] = [];
  page.context().on("request", (request) => {
    const name = /\/fallback\/([^/?]+)$/.exec(new URL(request.url()).pathname)?.[1];
    if (name) asked.push(name);
  });
  return asked;
}

describe("without WebGPU", () => {
  let browser: TestBrowser;
  let asked: string[];
  beforeAll(async () => {
    browser = await TestBrowser.open({
      host: "insecure.test",
      args: ["--host-resolver-rules=MAP insecure.test 127.0.0.1"],
      mounts: { "/models/tales/": `${TALES}/` },
    });
    asked = watched(browser.page);
  });
  afterAll(() => browser?.close());

  test("the embedded pair loads by itself, and says on what and why", async () => {
    expect(await browser.page.evaluate(() => "gpu" in navigator)).toBe(false);
    const { facts } = valueOf(await browser.load("pair", PAIR));
    expect(facts).toMatchObject({ device: "wasm", adapter: { architecture: "wasm" } });
    expect(facts.deviceReason).toContain("navigator.gpu is missing");
    expect(facts.capabilities.decoders).toContain("speculative");
    expect(facts.capabilities.trees).toEqual(["chain"]);
    expect(asked.sort()).toEqual(["ort-wasm-simd-threaded.wasm", "ort.js"]);
  });

  test("it writes what WebGPU writes, with chains of drafts and without", async () => {
    const chain = { kind: "speculative", tree: { kind: "chain", length: 4 } };
    for (const decoder of [{ kind: "greedy" }, chain, undefined]) {
      const options = { maxNewTokens: COUNT, ...(decoder && { decoder }) };
      const result = resultOf(await browser.generate("pair", golden!.prompt, options));
      expect(result.tokens).toEqual(golden!.ids.slice(0, COUNT));
    }
  });

  test("a text is left in the middle, and what is not offered is refused", async () => {
    const left = valueOf(await browser.generate("pair", "Once", { maxNewTokens: 200 }, 2));
    expect(left.result).toBeUndefined();
    const { error } = await browser.generate("pair", "Once", {
      decoder: { kind: "beam", width: 2 },
    });
    expect(error).toMatchObject({ code: "decoder-unsupported", isCoppiceError: true });
  });
});

test("a page with WebGPU downloads nothing of it", async () => {
  const browser = await TestBrowser.open({ folders: { tiny: tinyModel({ layers: 1 }).files } });
  try {
    const asked = watched(browser.page);
    const { facts } = valueOf(await browser.load("a", { target: "/models/tiny/" }));
    expect(facts.device).toBe("webgpu");
    expect(facts.deviceReason).toBeUndefined();
    expect(facts.capabilities.trees).toContain("best-first");
    resultOf(await browser.generate("a", "a", { maxNewTokens: 2 }));
    expect(asked).toEqual([]);
    // And where it is asked for, it takes it from where it is told to.
    const options = { target: "/models/tiny/", device: "wasm", fallbackUrl: "/nowhere/" };
    const { error } = await browser.load("b", options);
    expect(error).toMatchObject({ code: "fallback-failed", isCoppiceError: true });
    const here = { ...options, fallbackUrl: "/dist/fallback/" };
    expect(valueOf(await browser.load("c", here)).facts.device).toBe("wasm");
    expect(asked.sort()).toEqual(["ort-wasm-simd-threaded.wasm", "ort.js"]);
  } finally {
    await browser.close();
  }
});
