// The fallback behind the worker's real host, in Node: ONNX Runtime's own bytes, no browser.
import { beforeAll, describe, expect, test } from "vitest";
import { resolveLoadOptions } from "../../../src/decoder/load-options.ts";
import type { FallbackFiles } from "../../../src/worker/host-fallback.ts";
import { openFallbackBackend } from "../../../src/worker/host-fallback.ts";
import { openBackend, unusedOnFallback } from "../../../src/worker/host-open.ts";
import { Host } from "../../../src/worker/host.ts";
import type { StreamMessage } from "../../../src/worker/protocol.ts";
import { GEMMA } from "../../support/architectures.ts";
import { wasmBytes } from "../../support/fallback.ts";
import {
  fixtureBytes,
  hasFixture,
  hasStories,
  storiesFiles,
  storiesGolden,
} from "../../support/fixtures.ts";
import { writeSafetensors } from "../../support/safetensors-writer.ts";
import { jsonFile, tinyModel } from "../../support/tiny-model.ts";
import { tinyTokenizer } from "../../support/tiny-tokenizer.ts";

const here: FallbackFiles = {
  wasm: wasmBytes(),
  script: () => import("../../../src/fallback/index.ts"),
};
const target = { files: tinyModel().files };
const draft = { files: tinyModel({ layers: 2 }).files };

/** What one request gives: its parts, and the error that ended it. */
async function generate(host: Host, options: object, prompt = "ab") {
  const { port1, port2 } = new MessageChannel();
  const messages: StreamMessage[] = [];
  const ended = new Promise<void>((resolve) => {
    port1.addEventListener("message", ({ data }: MessageEvent<StreamMessage>) => {
      messages.push(data);
      if ("error" in data || data.part.type === "text-end") resolve();
    });
    port1.start();
  });
  host.generate(prompt, { maxNewTokens: 12, ...options }, port2);
  await ended;
  port1.close();
  const parts = messages.flatMap((one) => ("part" in one ? [one.part] : []));
  const error = messages.flatMap((one) => ("error" in one ? [one.error] : []))[0];
  const end = parts.find((part) => part.type === "text-end");
  const warnings = parts.flatMap((part) => (part.type === "warning" ? [part.message] : []));
  return { result: end?.result, warnings, error };
}

describe("an engine on the fallback", () => {
  let host: Host;
  let progress: unknown[];
  beforeAll(async () => {
    host = new Host((options, hooks) => openFallbackBackend(options, hooks, "Because.", here));
    const { port1, port2 } = new MessageChannel();
    progress = [];
    port1.addEventListener("message", ({ data }: MessageEvent) => progress.push(data));
    port1.start();
    const facts = await host.load({ target, draft, device: "wasm" }, port2);
    expect(facts).toMatchObject({
      device: "wasm",
      deviceReason: "Because.",
      adapter: { architecture: "wasm" },
      vocabSize: 300,
      contextLength: 256,
      draft: { layers: 2 },
      gpuBytes: 0,
    });
    expect(facts.adapter.description).toMatch(/ONNX Runtime 1\.\d+/);
    port1.close();
  });

  test("tells how far the weights are read", () => {
    expect(progress.length).toBeGreaterThan(10);
    for (const [model, files] of [
      ["target", target.files],
      ["draft", draft.files],
    ] as const) {
      const told = progress.filter((one) => (one as { model: string }).model === model);
      const { loadedBytes, totalBytes } = told.at(-1) as {
        loadedBytes: number;
        totalBytes: number;
      };
      expect(loadedBytes).toBe(totalBytes);
      expect(totalBytes).toBeLessThan(files["model.safetensors"]!.length);
    }
  });

  test("a tree becomes a chain, with the same text; it says so where it was asked", async () => {
    const greedy = await generate(host, { decoder: { kind: "greedy" } });
    expect(greedy.warnings).toEqual([]);
    const byDefault = await generate(host, {});
    expect(byDefault.warnings).toEqual([]);
    const tree = { kind: "best-first", depth: 3 };
    const asked = await generate(host, { decoder: { kind: "speculative", tree } });
    expect(asked.warnings).toEqual([expect.stringContaining("a chain of 3 tokens")]);
    for (const { result } of [byDefault, asked]) {
      expect(result).toMatchObject({ text: (greedy.result as { text: string }).text });
      expect((result!.metrics as { draftForwards: number }).draftForwards).toBeGreaterThan(0);
    }
  });

  test.each([
    [{ kind: "contrastive" }],
    [{ kind: "beam", width: 2 }],
    [{ kind: "superposed" }],
    [{ kind: "samples", count: 2 }],
    [{ kind: "speculative", tree: { kind: "chain", length: 2 }, verify: "block", sampling: {} }],
  ])("%j is refused", async (decoder) => {
    const { error } = await generate(host, { decoder });
    expect(error).toMatchObject({
      code: "decoder-unsupported",
      fix: expect.stringMatching(/webgpu/),
    });
  });

  test("a rule makes no difference at temperature 0", async () => {
    const tree = { kind: "chain", length: 2 };
    const { result, warnings } = await generate(host, {
      decoder: { kind: "speculative", tree, verify: "block" },
    });
    expect(result).toBeDefined();
    expect(warnings).toEqual([]);
  });
});

const hooks = { signal: new AbortController().signal, onProgress: () => undefined };
test("without WebGPU device auto tries the fallback, and webgpu does not", async () => {
  // Node has no WebGPU, and here nothing is built: each says which way it went.
  await expect(
    openBackend(resolveLoadOptions({ target, device: "webgpu" }), hooks),
  ).rejects.toMatchObject({
    code: "adapter-missing",
  });
  const fallbackUrl = new URL("nowhere/", import.meta.url).href;
  for (const device of ["auto", "wasm"] as const) {
    const options = resolveLoadOptions({ target, device, fallbackUrl });
    await expect(openBackend(options, hooks)).rejects.toMatchObject({
      code: "fallback-failed",
    });
  }
});

test("a model that is too large is refused with numbers before its weights are read", async () => {
  const { files, config } = tinyModel();
  const large = { ...config, vocab_size: 2 ** 22, hidden_size: 4096 };
  const json = new TextEncoder().encode(JSON.stringify(large));
  const model = { files: { ...files, "config.json": json } };
  const options = resolveLoadOptions({ target: model, device: "wasm" });
  const opening = openFallbackBackend(options, hooks, "", here);
  await expect(opening).rejects.toMatchObject({
    code: "device-unsupported",
    message: expect.stringMatching(/64\.\d GiB .* room for 3\.0 GiB/),
  });
});

test.each(["language_model.model.", "model.language_model."])(
  "Gemma 3 with a vision tower beside it, at %s: the text model's own text",
  async (root) => {
    const model = tinyModel({ ...GEMMA, layers: 2 });
    const renamed = Object.entries(model.tensors).map(
      ([name, tensor]) => [name.replace(/^model\./, root), tensor] as const,
    );
    const config = {
      model_type: "gemma3",
      architectures: ["Gemma3ForConditionalGeneration"],
      text_config: model.config,
    };
    const beside = {
      ...model.files,
      "config.json": jsonFile(config),
      "model.safetensors": writeSafetensors(Object.fromEntries(renamed)),
    };
    const texts: unknown[] = [];
    for (const files of [model.files, beside]) {
      const host = new Host((options) => openFallbackBackend(options, hooks, "Why.", here));
      const { port1, port2 } = new MessageChannel();
      await host.load({ target: { files }, device: "wasm" }, port2);
      port1.close();
      const { result } = await generate(host, {});
      texts.push((result as unknown as { tokens: number[] }).tokens);
      await host.dispose();
    }
    expect(texts[0]).toHaveLength(12);
    expect(texts[1]).toEqual(texts[0]);
  },
);

const GGUF = "models/stories260K/tinyllamas-stories-260k-f32.gguf";

describe.skipIf(!hasStories || !hasFixture(GGUF))(
  "a trained model of others writes its golden text",
  () => {
    test.each([
      ["safetensors", () => storiesFiles()],
      ["GGUF", () => ({ "stories.gguf": fixtureBytes(GGUF) })],
    ])("from %s", async (_, files) => {
      const host = new Host((options) => openFallbackBackend(options, hooks, "Why.", here));
      const { port1, port2 } = new MessageChannel();
      await host.load({ target: { files: files() }, device: "wasm" }, port2);
      port1.close();
      const golden = storiesGolden();
      const options = { decoder: { kind: "greedy" }, maxNewTokens: golden.tokens.length - 1 };
      const { result } = await generate(host, options, "");
      expect(result).toMatchObject({ tokens: golden.tokens.slice(1) });
      await host.dispose();
    });
  },
);

const GPT2 = "onnx/hf-internal-testing__tiny-random-gpt2-fp32__past.onnx";

describe.skipIf(!hasFixture(GPT2))("an architecture that the kernels do not know", () => {
  const tokenizer = tinyTokenizer(1000);
  const config = {
    model_type: "gpt2",
    architectures: ["GPT2LMHeadModel"],
    vocab_size: 1000,
    n_positions: 64,
    n_layer: 5,
    bos_token_id: 98,
    eos_token_id: 98,
  };
  const small = {
    "config.json": jsonFile(config),
    "tokenizer.json": jsonFile(tokenizer.tokenizer),
    "tokenizer_config.json": jsonFile(tokenizer.config),
  };
  const files = { ...small, ...(hasFixture(GPT2) && { "onnx/model.onnx": fixtureBytes(GPT2) }) };
  const open = (options: object) =>
    openFallbackBackend(resolveLoadOptions({ device: "wasm", ...options }), hooks, "Why.", here);

  test("runs from its ONNX file", async () => {
    const host = new Host((options) => openFallbackBackend(options, hooks, "Why.", here));
    const { port1, port2 } = new MessageChannel();
    const facts = await host.load({ target: { files }, device: "wasm" }, port2);
    port1.close();
    expect(facts).toMatchObject({ contextLength: 64, vocabSize: 1000, target: { layers: 5 } });
    expect(facts.target.label).toContain("onnx/model.onnx");
    expect(facts.capabilities).toMatchObject({ trees: [], verify: [] });
    expect(facts.capabilities.decoders).not.toContain("speculative");
    // The golden's prompt, but for the token that begins every text: so the golden's text is another.
    const golden = { continueFrom: [0, 0, 0, 52], maxNewTokens: 6 };
    const { result } = await generate(host, { ...golden, decoder: { kind: "greedy" } });
    const { tokens } = result as unknown as { tokens: number[] };
    expect(tokens).toHaveLength(6);
    const sampled = await generate(host, { ...golden, seed: 3, decoder: { kind: "sample" } });
    expect((sampled.result as unknown as { tokens: number[] }).tokens).not.toEqual(tokens);
    await host.dispose();
  });

  test("is refused as unknown without one, and with a draft", async () => {
    for (const options of [{ target: { files: small } }, { target: { files }, draft: target }]) {
      await expect(open(options)).rejects.toMatchObject({ code: "architecture-unknown" });
    }
  });
});

test("what has no say on the fallback is told", () => {
  const told = (options: object) =>
    unusedOnFallback(resolveLoadOptions({ target: "a/b", ...options }));
  expect(told({})).toEqual([]);
  expect(told({ dtype: "f32", draft: "a/c" })).toEqual([]);
  expect(told({ dtype: "q4" })).toEqual([expect.stringContaining('"q4"')]);
});
