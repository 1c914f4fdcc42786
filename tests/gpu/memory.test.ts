// What an engine takes on the GPU is told before its weights are read, and is what it takes.
import { expect, test } from "vitest";
import { resolveLoadOptions } from "../../src/decoder/load-options.ts";
import type { Gpu } from "../../src/gpu/index.ts";
import { TreeSession } from "../../src/tree/index.ts";
import { EXTRA_SLOTS } from "../../src/worker/host-memory.ts";
import { loadModels } from "../../src/worker/host-models.ts";
import { withGpu } from "../support/kernel-run.ts";
import { tinyModel } from "../support/tiny-model.ts";

const hooks = {
  signal: new AbortController().signal,
  onProgress: () => undefined,
  onWarning: () => undefined,
};

const big = { files: tinyModel({ layers: 3, dtype: "BF16" }).files };
const small = { files: tinyModel({ layers: 1, dtype: "F32" }).files };
const gemma = { files: tinyModel({ architecture: "gemma3_text", layers: 2 }).files };
const qwen = { files: tinyModel({ architecture: "qwen3", layers: 1 }).files };

async function load(gpu: Gpu, options: object) {
  const resolved = resolveLoadOptions({ target: big, ...options });
  const models = await loadModels(gpu, resolved, hooks);
  const scope = gpu.buffers.child("cache");
  const weights = gpu.buffers.bytes;
  const sessions = (["target", "draft"] as const).flatMap((role) => {
    const model = models[role]?.model;
    return model ? [new TreeSession(gpu, scope, model, { extraSlots: EXTRA_SLOTS[role] })] : [];
  });
  expect(sessions).toHaveLength(models.draft ? 2 : 1);
  return { foretold: models.memory, weights, caches: gpu.buffers.bytes - weights };
}

test.each([
  [{}],
  [{ dtype: "f32" }],
  [{ dtype: "q8" }],
  [{ dtype: "q4", contextLength: 40 }],
  [{ draft: small }],
  [{ draft: { model: small, vocabulary: [1, 5, 9] }, dtype: "q8" }],
  [{ draft: { model: big, layers: 2 }, contextLength: 50 }],
  [{ draft: { model: big, dtype: "q4" }, dtype: "f16" }],
  [{ target: gemma, draft: qwen }],
])("case %#: within 2 per cent", (options) =>
  withGpu(async (gpu) => {
    const { foretold, weights, caches } = await load(gpu, options);
    expect(Math.abs(foretold.weights / weights - 1)).toBeLessThan(0.02);
    expect(Math.abs(foretold.caches / caches - 1)).toBeLessThan(0.02);
  }),
);

test("the target in 4 bits as its own draft lies beside it", () =>
  withGpu(async (gpu) => {
    const weights = async (options: object) => (await load(gpu, options)).foretold.weights;
    const [alone, small4] = [await weights({}), await weights({ dtype: "q4" })];
    expect(small4).toBeLessThan(alone);
    expect(await weights({ draft: { model: big, dtype: "q4" } })).toBe(alone + small4);
  }));

test("a context that no buffer holds is refused before a weight is read", () =>
  withGpu(async (gpu) => {
    const long = tinyModel({ layers: 1 }).files;
    const config = JSON.parse(new TextDecoder().decode(long["config.json"])) as object;
    const text = JSON.stringify({ ...config, max_position_embeddings: 2 ** 24 });
    let read = 0;
    class CountingBlob extends Blob {
      override slice(start?: number, end?: number, type?: string): Blob {
        read = Math.max(read, end ?? 0);
        return super.slice(start, end, type);
      }
    }
    const weights = new CountingBlob([long["model.safetensors"]!]);
    const files = {
      ...long,
      "config.json": new TextEncoder().encode(text),
      "model.safetensors": weights,
    };
    const before = gpu.buffers.bytes;
    await expect(load(gpu, { contextLength: 2 ** 24, target: { files } })).rejects.toMatchObject({
      code: "buffer-too-large",
      message: expect.stringMatching(/needs \d+ bytes in one buffer; this GPU allows \d+/),
    });
    expect(gpu.buffers.bytes).toBe(before);
    expect(read).toBeGreaterThan(0);
    expect(read).toBeLessThan(weights.size / 2);
  }));
