// Loading from a hub in a real browser: kept on the device, read without a connection, taken up after a break.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { HubServer } from "../support/hub-server.ts";
import { tinyModel } from "../support/tiny-model.ts";
import { resultOf, TestBrowser, valueOf } from "./browser.ts";

const TOKEN = "hf_VerySecretToken";
const PIECE = 2 * 2 ** 20;
/** Some 5 MB: three pieces. */
const MADE = tinyModel({ layers: 1, hidden: 64, intermediate: 6400 }).files;
const TEMPLATE =
  "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }} {% endfor %}{% if add_generation_prompt %}assistant: {% endif %}";
const FILES: Record<string, Uint8Array<ArrayBuffer>> = {
  ...MADE,
  "chat_template.jinja": new TextEncoder().encode(TEMPLATE),
};
const SIZE = FILES["model.safetensors"]!.length;

let hub: HubServer;
let browser: TestBrowser;
beforeAll(async () => {
  const repository = { revisions: { main: FILES } };
  hub = await HubServer.open({
    "org/tiny": repository,
    "org/broken": repository,
    "org/bad": repository,
    "org/gated": { ...repository, gatedFor: TOKEN },
    "org/other": repository,
    "org/twice": repository,
  });
  browser = await TestBrowser.open();
});
afterAll(() => Promise.all([browser.close(), hub.close()]));
beforeEach(async () => {
  await browser.reload();
  hub.take();
});

const load = (target: string, more: object = {}) =>
  browser.load("a", {
    target,
    ...more,
    hub: { endpoint: hub.url, ...(more as { hub?: object }).hub },
  });
const write = async (): Promise<readonly number[]> =>
  resultOf(await browser.generate("a", "the", { decoder: { kind: "greedy" }, maxNewTokens: 5 }))
    .tokens;
const weightBytes = (): number =>
  hub.requests.filter(({ kind }) => kind === "cdn").reduce((sum, { sent }) => sum + sent, 0);

test("the weights are of several pieces", () => {
  expect(SIZE).toBeGreaterThan(2 * PIECE);
  expect(SIZE).toBeLessThan(3 * PIECE);
});

test("a first load downloads, the next reads the device, and so does one without the hub", async () => {
  const { facts, progress } = valueOf(await load("org/tiny"));
  expect(facts.warnings).toBeUndefined();
  expect(facts.target.label).toBe("org/tiny");
  const text = await write();
  expect(weightBytes()).toBe(SIZE);
  const all = Object.values(FILES).reduce((sum, { length }) => sum + length, 0);
  expect(new Set(progress.map(({ overall }) => overall.totalBytes))).toContain(all);
  expect(progress.every(({ fromCache }) => !fromCache)).toBe(true);
  const last = progress.at(-1)!.overall;
  expect(last.loadedBytes).toBe(last.totalBytes);

  await browser.reload();
  hub.take();
  const again = valueOf(await load("org/tiny"));
  expect(again.progress.every(({ fromCache }) => fromCache)).toBe(true);
  expect(await write()).toEqual(text);
  expect(hub.take()).toEqual(["api GET /api/models/org/tiny/revision/main"]);

  const told = await browser.page.evaluate(async (endpoint) => {
    const { cachedModels, modelInfo } = e2e.coppice;
    const options = { hub: { endpoint } };
    return { info: await modelInfo("org/tiny", options), kept: await cachedModels() };
  }, hub.url);
  expect(told.info).toMatchObject({ totalBytes: all, cachedBytes: all, downloadBytes: 0 });
  expect(told.kept).toMatchObject([{ source: `${hub.url}/org/tiny`, label: "org/tiny" }]);
  expect(told.kept[0]!.bytes).toBeGreaterThan(all);

  await browser.reload();
  // Nothing listens at that port; the key is the address, so the hub's own is needed.
  await hub.close();
  try {
    valueOf(await load("org/tiny"));
    expect(await write()).toEqual(text);
  } finally {
    await hub.listen();
  }
});

test("a download that breaks off goes on at the last whole piece", async () => {
  hub.faults.cuts.push(PIECE + 1000, ...Array.from({ length: 12 }, () => 0));
  const { error } = await browser.page.evaluate(
    ([target, endpoint]) =>
      e2e.attempt(async () => {
        const controller = new AbortController();
        await e2e.coppice.loadEngine({
          target,
          hub: { endpoint },
          signal: controller.signal,
          // The page gives up while the connection is tried again.
          onProgress: ({ file }) => {
            if (file === "model.safetensors") setTimeout(() => controller.abort(), 500);
          },
        });
      }),
    ["org/broken", hub.url] as const,
  );
  expect(error).toMatchObject({ code: "aborted" });
  hub.faults.cuts.length = 0;
  hub.take();
  const { progress } = valueOf(await load("org/broken"));
  expect(progress.at(-1)!.overall.loadedBytes).toBe(progress.at(-1)!.overall.totalBytes);
  expect(weightBytes()).toBe(SIZE - PIECE);
  expect(hub.requests.find(({ kind }) => kind === "cdn")?.range).toBe(`bytes=${PIECE}-`);
});

test("weights that are not what the hub lists are refused", async () => {
  hub.faults.corrupt = /bad/;
  const { error } = await load("org/bad");
  hub.faults.corrupt = undefined;
  expect(error).toMatchObject({ code: "hash-mismatch", isCoppiceError: true });
  valueOf(await load("org/bad"));
});

test("a gated repository wants a token, which goes to the hub alone", async () => {
  const { error } = await load("org/gated");
  expect(error).toMatchObject({ code: "access-denied", isCoppiceError: true });
  const wrong = await load("org/gated", { hub: { token: "hf_VeryWrong" } });
  expect(wrong.error).toMatchObject({ code: "access-denied" });
  expect(JSON.stringify(wrong.error)).not.toContain("hf_Very");
  hub.take();
  valueOf(await load("org/gated", { hub: { token: TOKEN } }));
  const carried = new Map(hub.requests.map(({ kind, authorization }) => [kind, authorization]));
  expect([...carried]).toEqual([
    ["api", `Bearer ${TOKEN}`],
    ["resolve", `Bearer ${TOKEN}`],
    ["cdn", undefined],
  ]);
  const names = await browser.page.evaluate(async () => {
    const found: string[] = [];
    const look = async (folder: FileSystemDirectoryHandle): Promise<void> => {
      for await (const handle of folder.values()) {
        found.push(handle.name);
        if (handle.kind === "directory") await look(handle as FileSystemDirectoryHandle);
        else found.push(await (await (handle as FileSystemFileHandle).getFile()).text());
      }
    };
    await look(await navigator.storage.getDirectory());
    return found.join("\n");
  });
  expect(names).toContain("org/gated");
  expect(names).not.toMatch(/hf_Very|secret-signature/);
});

test("two engines load a model at once, and it is kept whole", async () => {
  const both = await browser.page.evaluate(
    (endpoint) =>
      Promise.all(
        ["a", "b"].map((name) => e2e.load(name, { target: "org/twice", hub: { endpoint } })),
      ),
    hub.url,
  );
  for (const outcome of both) valueOf(outcome);
  hub.take();
  valueOf(await load("org/twice"));
  expect(hub.take()).toEqual(["api GET /api/models/org/twice/revision/main"]);
});

test("the page frees what is kept of a model", async () => {
  valueOf(await load("org/tiny"));
  const [freed, left] = await browser.page.evaluate(async (source) => {
    const { cachedModels, clearCache } = e2e.coppice;
    const bytes = await clearCache(source);
    return [bytes, (await cachedModels()).map((model) => model.source)] as const;
  }, `${hub.url}/org/tiny`);
  expect(freed).toBeGreaterThan(SIZE);
  expect(left).not.toContain(`${hub.url}/org/tiny`);
});

test("a conversation is written by the model's template; a tokenizer of the page's own works", async () => {
  const json = (name: string): object => JSON.parse(new TextDecoder().decode(MADE[name])) as object;
  const tokenizer = {
    tokenizer: json("tokenizer.json"),
    config: { ...json("tokenizer_config.json"), chat_template: "{{ messages[0].content }}" },
  };
  const messages = [{ role: "user", content: "a tree" }];
  const encode = () =>
    browser.page.evaluate((prompt) => e2e.engines.get("a")!.encode(prompt), messages);
  valueOf(await load("org/tiny"));
  const { text, tokens } = await encode();
  expect(text).toBe("<s>user: a tree assistant: ");
  expect(tokens.filter((id) => id === 1)).toEqual([1]);
  const request = { decoder: { kind: "greedy" }, maxNewTokens: 4 };
  const { usage } = resultOf(await browser.generate("a", messages, request));
  expect(usage.promptTokens).toBe(tokens.length);
  valueOf(await load("org/tiny", { tokenizer }));
  expect((await encode()).text).toBe("a tree");
});

describe("what transformers.js has downloaded", () => {
  test("is found where it keeps it, and not downloaded again", async () => {
    const entries = Object.entries(FILES).map(([name, bytes]) => [
      `${hub.url}/org/other/resolve/main/${name}`,
      Buffer.from(bytes).toString("base64"),
    ]);
    await browser.page.evaluate(async (all) => {
      const cache = await caches.open("transformers-cache");
      for (const [url, base64] of all) {
        const bytes = Uint8Array.from(atob(base64!), (c) => c.charCodeAt(0));
        await cache.put(url!, new Response(bytes));
      }
    }, entries);
    const { progress } = valueOf(await load("org/other"));
    expect(progress.every(({ fromCache }) => fromCache)).toBe(true);
    expect(hub.take()).toEqual(["api GET /api/models/org/other/revision/main"]);
    await write();
  });
});
