// Everything a page can get wrong: each is a typed error with a fix, and the next request is served.
import type { CoppiceErrorCode } from "coppice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jsonFile, tinyModel } from "../support/tiny-model.ts";
import { type Outcome, resultOf, TestBrowser, until, valueOf } from "./browser.ts";

const tiny = tinyModel({ layers: 2, context: 64 });
const weights = tiny.files["model.safetensors"]!;
const { "config.json": _config, ...configless } = tiny.files;
const { "tokenizer.json": _tokenizer, ...tokenizerless } = tiny.files;
const { "model.safetensors": _weights, ...weightless } = tiny.files;

/** The weights with a header that claims to be `length` bytes long. */
function headerOf(length: number): Uint8Array {
  const bytes = weights.slice();
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  return bytes;
}

/** The weights with one tensor's bytes said to lie past the end of the file. */
function pastTheEnd(): Uint8Array {
  const length = Number(new DataView(weights.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(weights.subarray(8, 8 + length))) as Record<
    string,
    { data_offsets: number[] }
  >;
  const norm = header["model.norm.weight"]!;
  norm.data_offsets = norm.data_offsets.map((offset) => offset + weights.length);
  const text = new TextEncoder().encode(JSON.stringify(header));
  const bytes = new Uint8Array([...new Uint8Array(8), ...text, ...weights.subarray(8 + length)]);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  return bytes;
}

const folders = {
  good: tiny.files,
  configless,
  tokenizerless,
  weightless,
  broken: { ...tiny.files, "config.json": new TextEncoder().encode("{ not json") },
  truncated: { ...tiny.files, "model.safetensors": weights.subarray(0, weights.length - 1000) },
  header: { ...tiny.files, "model.safetensors": headerOf(weights.length * 2) },
  "past-the-end": { ...tiny.files, "model.safetensors": pastTheEnd() },
  gpt: {
    ...tiny.files,
    "config.json": jsonFile({
      ...tiny.config,
      architectures: ["GPT2LMHeadModel"],
      model_type: "gpt2",
    }),
  },
  scaled: {
    ...tiny.files,
    "config.json": jsonFile({ ...tiny.config, rope_scaling: { rope_type: "longrope", factor: 4 } }),
  },
  "other-vocabulary": tinyModel({ layers: 1, vocab: 320 }).files,
};

let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open({ folders });
  valueOf(await browser.load("good", { target: "/models/good/" }));
});
afterAll(() => browser.close());

function expectError(outcome: Outcome<unknown>, code: CoppiceErrorCode): void {
  expect(outcome.error).toMatchObject({ code, isCoppiceError: true });
  expect(outcome.error!.message.length).toBeGreaterThan(10);
  expect(outcome.error!.fix.length).toBeGreaterThan(10);
}

async function expectStillServing(): Promise<void> {
  const { tokens } = resultOf(await browser.generate("good", "the", { maxNewTokens: 2 }));
  expect(tokens).toHaveLength(2);
}

describe("loading", () => {
  const target = "/models/good/";
  test.each<[string, object, CoppiceErrorCode]>([
    ["a folder without config.json", { target: "/models/configless/" }, "config-missing"],
    ["a folder that is not there", { target: "/models/nowhere/" }, "config-missing"],
    ["a folder without tokenizer.json", { target: "/models/tokenizerless/" }, "file-missing"],
    ["a folder without weights", { target: "/models/weightless/" }, "file-missing"],
    ["a config that is no JSON", { target: "/models/broken/" }, "config-invalid"],
    ["a safetensors file cut short", { target: "/models/truncated/" }, "weights-invalid"],
    ["a header longer than its file", { target: "/models/header/" }, "weights-invalid"],
    ["a tensor past the end of its file", { target: "/models/past-the-end/" }, "weights-invalid"],
    ["an unknown architecture", { target: "/models/gpt/" }, "architecture-unknown"],
    ["maths that the kernels do not do", { target: "/models/scaled/" }, "config-invalid"],
    [
      "a draft of another vocabulary",
      { target, draft: "/models/other-vocabulary/" },
      "vocabulary-mismatch",
    ],
    ["more layers than there are", { target: { model: target, layers: 3 } }, "option-invalid"],
    ["a context beyond the model's", { target, contextLength: 65 }, "option-invalid"],
    ["no target", {}, "option-invalid"],
    ["an option that is none", { target, quantise: true }, "option-unknown"],
    ["a device that is none", { target, device: "abacus" }, "option-invalid"],
    ["what is no source", { target: "just-a-word" }, "source-invalid"],
  ])("%s", async (_, options, code) => {
    expectError(await browser.load("bad", options), code);
    // The failed engine's worker is ended.
    await until(() => browser.page.workers().length === 1);
  });

  test("the engine loaded before still serves, and a new one loads", async () => {
    await expectStillServing();
    valueOf(await browser.load("another", { target }));
    await browser.dispose("another");
  });

  test("a response that failed among the files", async () => {
    const outcome = await browser.page.evaluate(async () =>
      e2e.attempt(async () =>
        e2e.coppice.loadEngine({ target: { files: { "config.json": await fetch("/nowhere") } } }),
      ),
    );
    expectError(outcome, "network");
  });
});

test("files in memory load, responses and blobs among them", async () => {
  const { value, error } = await browser.page.evaluate(
    async (names) =>
      e2e.attempt(async () => {
        const responses = names.map(
          async (name) => [name, await fetch(`/models/good/${name}`)] as const,
        );
        const files: Record<string, Response | Blob> = Object.fromEntries(
          await Promise.all(responses),
        );
        files["model.safetensors"] = await (files["model.safetensors"] as Response).blob();
        const engine = await e2e.coppice.loadEngine({ target: { files } });
        const { tokens } = await engine.generate("the", { maxNewTokens: 3 }).result;
        await engine.dispose();
        return { label: engine.facts.target.label, tokens };
      }),
    Object.keys(tiny.files),
  );
  expect(error).toBeUndefined();
  const same = resultOf(await browser.generate("good", "the", { maxNewTokens: 3 }));
  expect(value!.tokens).toEqual(same.tokens);
});

describe("generating", () => {
  test.each<[string, unknown, object, CoppiceErrorCode]>([
    ["a prompt longer than the context", "a ".repeat(60), {}, "context-overflow"],
    ["a prompt that fills the context", "ab".repeat(40), {}, "context-overflow"],
    ["a prompt that is no text", 4, {}, "option-invalid"],
    ["messages without roles", [{ content: "hi" }], {}, "option-invalid"],
    [
      "a conversation without a template",
      [{ role: "user", content: "hi" }],
      {},
      "chat-template-missing",
    ],
    ["a seed out of range", "a", { seed: 2 ** 32 }, "option-invalid"],
    ["an option that is none", "a", { temprature: 1 }, "option-unknown"],
    ["a decoder that is none", "a", { decoder: { kind: "magic" } }, "option-invalid"],
    ["speculation without a draft", "a", { decoder: { kind: "speculative" } }, "option-invalid"],
    ["no tokens at all", "a", { maxNewTokens: 0 }, "option-invalid"],
    ["an empty stop string", "a", { stop: [""] }, "option-invalid"],
  ])("%s", async (_, prompt, options, code) => {
    expectError(await browser.generate("good", prompt, options), code);
    await expectStillServing();
  });

  test("trees that cannot be", async () => {
    const model = "/models/good/";
    valueOf(await browser.load("pair", { target: model, draft: { model, layers: 1 } }));
    for (const tree of [
      { kind: "chain", length: 0 },
      { kind: "rsd-c", branching: [8, 8] },
      { kind: "best-first", nodes: 65 },
      { kind: "best-first", nodes: 64, depth: 40, width: 40 },
    ]) {
      const outcome = await browser.generate("pair", "a", {
        decoder: { kind: "speculative", tree },
      });
      expectError(outcome, "tree-invalid");
    }
    resultOf(await browser.generate("pair", "a", { maxNewTokens: 4 }));
    await browser.dispose("pair");
  });
});

describe("the worker's script", () => {
  const loadFrom = (url: string): Promise<Outcome<unknown>> =>
    browser.page.evaluate(async (from) => {
      const library = await e2e.importFrom(from);
      return e2e.attempt(() => library.loadEngine({ target: "/models/good/" }), library);
    }, url);

  test("is missing", async () => {
    expectError(await loadFrom("/broken/index.js"), "worker-failed");
  });

  test("is forbidden by the page's security policy", async () => {
    await browser.page.evaluate(() => {
      const policy = document.createElement("meta");
      policy.httpEquiv = "Content-Security-Policy";
      policy.content = "worker-src 'none'";
      document.head.append(policy);
    });
    expectError(await loadFrom("/dist/index.js"), "worker-failed");
    await browser.reload();
  });
});
