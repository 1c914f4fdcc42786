// Weights as they lie on the GPU, read back word by word, against the numbers in the file.
import { describe, expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { parseModelConfig } from "../../src/model/config.ts";
import { openSource } from "../../src/model/source/index.ts";
import type { FileProgress } from "../../src/model/source/index.ts";
import {
  loadWeights,
  type ModelWeights,
  type WeightMatrix,
} from "../../src/model/weights/index.ts";
import type { Dtype } from "../../src/options.ts";
import { GEMMA, QWEN2 } from "../support/architectures.ts";
import { withGpu } from "../support/engine.ts";
import { f16Value, roundToF16 } from "../support/half.ts";
import { testTensor, writeSafetensors } from "../support/safetensors-writer.ts";
import { tinyModel, type TinyModel, type TinyModelOptions } from "../support/tiny-model.ts";

type Files = Record<string, Uint8Array<ArrayBuffer> | Blob>;

async function load(
  gpu: Gpu,
  files: Files,
  config: unknown,
  options: {
    dtype?: Dtype;
    layers?: number;
    signal?: AbortSignal;
    onProgress?: (p: FileProgress) => void;
  } = {},
): Promise<ModelWeights> {
  const { layers, dtype = "auto", signal, onProgress } = options;
  const source = await openSource({ files });
  const parsed = parseModelConfig(config, undefined, { layers });
  return loadWeights(gpu, gpu.buffers, source, parsed, { dtype, signal, onProgress });
}

async function numbers(gpu: Gpu, { slice, type, cols, k }: WeightMatrix): Promise<number[]> {
  const [bytes] = await gpu.submitAndRead([], [slice]);
  const all =
    type === "f32" ? [...new Float32Array(bytes!)] : [...new Uint16Array(bytes!)].map(f16Value);
  return all.slice(0, cols * k);
}

/** The file's numbers of several tensors, one after another. */
function stacked(model: TinyModel, ...names: string[]): number[] {
  return names.flatMap((name) => [...model.tensors[`${name}.weight`]!.data]);
}

const SHAPES: [string, TinyModelOptions][] = [
  ["f32, tied, grouped heads", { dtype: "F32", layers: 2 }],
  ["f16, own head", { dtype: "F16", tied: false, layers: 1 }],
  ["bf16", { dtype: "BF16", layers: 2 }],
  [
    "awkward sizes",
    {
      hidden: 20,
      intermediate: 28,
      heads: 3,
      kvHeads: 1,
      headDim: 12,
      vocab: 77,
      layers: 1,
      tied: false,
    },
  ],
];

describe.each(SHAPES)("%s", (_, shape) => {
  test("every matrix holds its tensors, stacked in order", () =>
    withGpu(async (gpu) => {
      const model = tinyModel(shape);
      const weights = await load(gpu, model.files, model.config);
      const type = shape.dtype === "F16" || shape.dtype === "BF16" ? "f16" : "f32";
      // bf16 keeps fewer bits than f16 has, so but for tiny numbers nothing is lost.
      const same = async (matrix: WeightMatrix, ...names: string[]): Promise<void> => {
        const expected = stacked(model, ...names);
        expect(matrix.type).toBe(type);
        expect(await numbers(gpu, matrix)).toEqual(
          type === "f16" ? expected.map(roundToF16) : expected,
        );
      };
      const gain = async (slice: WeightMatrix["slice"], name: string): Promise<void> => {
        const vector = { slice, type: "f32", cols: model.config.hidden_size, k: 1 } as const;
        expect(await numbers(gpu, vector)).toEqual(stacked(model, name));
      };
      await same(weights.embedding, "model.embed_tokens");
      await gain(weights.norm, "model.norm");
      if (shape.tied === false) await same(weights.head, "lm_head");
      else expect(weights.head).toBe(weights.embedding);
      expect(weights.layers).toHaveLength(model.config.num_hidden_layers);
      for (const [i, layer] of weights.layers.entries()) {
        const at = `model.layers.${i}`;
        await gain(layer.attentionNorm, `${at}.input_layernorm`);
        await gain(layer.mlpNorm, `${at}.post_attention_layernorm`);
        await same(layer.qkv, ...["q", "k", "v"].map((part) => `${at}.self_attn.${part}_proj`));
        await same(layer.attentionOut, `${at}.self_attn.o_proj`);
        await same(layer.gateUp, `${at}.mlp.gate_proj`, `${at}.mlp.up_proj`);
        await same(layer.down, `${at}.mlp.down_proj`);
      }
    }));
});

describe("what architectures add", () => {
  const vectorOf = async (gpu: Gpu, slice: WeightMatrix["slice"] | undefined, cols: number) =>
    numbers(gpu, { slice: slice!, type: "f32", cols, k: 1 });

  test("biases stand behind the gain of the norm before them", () =>
    withGpu(async (gpu) => {
      const model = tinyModel({ ...QWEN2, dtype: "BF16" });
      const layer = (await load(gpu, model.files, model.config)).layers[1]!;
      const at = "model.layers.1";
      const gain = stacked(model, `${at}.input_layernorm`);
      const biases = ["q", "k", "v"].flatMap((part) => [
        ...model.tensors[`${at}.self_attn.${part}_proj.bias`]!.data,
      ]);
      const found = await vectorOf(gpu, layer.attentionNorm, gain.length + biases.length);
      expect(found).toEqual([...gain, ...biases]);
      expect(layer.headNorms).toBeUndefined();
    }));

  test("gemma3: each gain is 1 more than its file says, rounded once, and the file's bytes stay as they are", () =>
    withGpu(async (gpu) => {
      const model = tinyModel({ ...GEMMA, layers: 1 });
      const before = model.files["model.safetensors"]!.slice();
      const weights = await load(gpu, model.files, model.config);
      expect(model.files["model.safetensors"]).toEqual(before);
      const layer = weights.layers[0]!;
      const at = "model.layers.0";
      for (const [slice, ...names] of [
        [weights.norm, "model.norm"],
        [layer.attentionNorm, `${at}.input_layernorm`],
        [layer.headNorms, `${at}.self_attn.q_norm`, `${at}.self_attn.k_norm`],
        [layer.attentionPostNorm, `${at}.post_attention_layernorm`],
        [layer.mlpNorm, `${at}.pre_feedforward_layernorm`],
        [layer.mlpPostNorm, `${at}.post_feedforward_layernorm`],
      ] as const) {
        const expected = stacked(model, ...names).map((gain) => Math.fround(1 + gain));
        expect(await vectorOf(gpu, slice, expected.length), names[0]).toEqual(expected);
      }
    }));

  test.each(["language_model.model.", "model.language_model."])(
    "gemma3 with a vision tower beside it: the text model alone, at %s",
    (root) =>
      withGpu(async (gpu) => {
        const model = tinyModel({ ...GEMMA, layers: 1 });
        const beside = { "vision_tower.embed.weight": model.tensors["model.norm.weight"]! };
        const renamed = Object.entries(model.tensors).map(([name, tensor]) => [
          name.replace(/^model\./, root),
          tensor,
        ]);
        const tensors = { ...Object.fromEntries(renamed), ...beside } as TinyModel["tensors"];
        const config = {
          model_type: "gemma3",
          architectures: ["Gemma3ForConditionalGeneration"],
          text_config: model.config,
        };
        const files = { "model.safetensors": writeSafetensors(tensors) };
        const { norm } = await load(gpu, files, config);
        const expected = stacked(model, "model.norm").map((gain) => Math.fround(1 + gain));
        expect(await vectorOf(gpu, norm, expected.length)).toEqual(expected);
        await expect(load(gpu, files, model.config)).rejects.toMatchObject({
          code: "tensor-missing",
        });
      }),
  );
});

test("f32 keeps every bit of bf16 and f16; f16 rounds f32 to nearest even", () =>
  withGpu(async (gpu) => {
    for (const dtype of ["BF16", "F16"] as const) {
      const model = tinyModel({ dtype, layers: 1 });
      const { down } = (await load(gpu, model.files, model.config, { dtype: "f32" })).layers[0]!;
      expect(down.type).toBe("f32");
      expect(await numbers(gpu, down)).toEqual(stacked(model, "model.layers.0.mlp.down_proj"));
    }
    const model = tinyModel({ layers: 1 });
    const { embedding } = await load(gpu, model.files, model.config, { dtype: "f16" });
    expect(embedding.type).toBe("f16");
    expect(await numbers(gpu, embedding)).toEqual(
      stacked(model, "model.embed_tokens").map(roundToF16),
    );
  }));

describe("numbers beyond f16", () => {
  /** A bf16 model whose v projection, the last part of a stack, holds 1e6. */
  function large(): TinyModel {
    const model = tinyModel({ dtype: "BF16", layers: 2 });
    const name = "model.layers.1.self_attn.v_proj.weight";
    const { shape, data } = model.tensors[name]!;
    data[data.length - 1] = 1e6;
    data[0] = 2 ** -20 * 1.25; // f16 has too few bits for this one; a widened buffer must hold it.
    const tensors = { ...model.tensors, [name]: testTensor("BF16", shape, data) };
    return {
      ...model,
      tensors,
      files: { ...model.files, "model.safetensors": writeSafetensors(tensors) },
    };
  }

  test("auto keeps that matrix, and only that, in f32, with all parts of the stack exact", () =>
    withGpu(async (gpu) => {
      const model = large();
      const weights = await load(gpu, model.files, model.config);
      const { qkv, gateUp } = weights.layers[1]!;
      expect([weights.layers[0]!.qkv.type, qkv.type, gateUp.type]).toEqual(["f16", "f32", "f16"]);
      const names = ["q", "k", "v"].map((part) => `model.layers.1.self_attn.${part}_proj`);
      expect(await numbers(gpu, qkv)).toEqual(stacked(model, ...names));
    }));

  test("an explicit f16 is refused with the tensor's name, and frees all", () =>
    withGpu(async (gpu) => {
      const model = large();
      await expect(load(gpu, model.files, model.config, { dtype: "f16" })).rejects.toMatchObject({
        code: "tensor-invalid",
        message: expect.stringContaining("layers.1.self_attn.v_proj") as string,
      });
      expect(gpu.buffers.bytes).toBe(0);
    }));
});

test("a model cut to its first layers loads only those", () =>
  withGpu(async (gpu) => {
    const model = tinyModel({ layers: 4 });
    expect((await load(gpu, model.files, model.config, { layers: 2 })).layers).toHaveLength(2);
    const cut = gpu.buffers.bytes;
    await load(gpu, model.files, model.config);
    expect(gpu.buffers.bytes).toBeGreaterThan(2.5 * cut);
  }));

test("a Blob is read in pieces, none of them twice or larger than 4 MiB", () =>
  withGpu(async (gpu) => {
    const small = { heads: 2, kvHeads: 1, headDim: 4, intermediate: 4, layers: 1 };
    const model = tinyModel({ ...small, hidden: 512, vocab: 2100 });
    const reads: number[] = [];
    const blob = new Blob([model.files["model.safetensors"]!]);
    const slice = blob.slice.bind(blob);
    blob.slice = (start, end, type) => {
      reads.push(end! - start!);
      return slice(start, end, type);
    };
    const progress: FileProgress[] = [];
    const weights = await load(gpu, { ...model.files, "model.safetensors": blob }, model.config, {
      onProgress: (p) => progress.push(p),
    });
    const found = await numbers(gpu, weights.embedding);
    const expected = stacked(model, "model.embed_tokens");
    expect(found.findIndex((value, i) => value !== expected[i])).toBe(-1);
    expect(Math.max(...reads)).toBeLessThanOrEqual(4 * 2 ** 20);
    expect(reads.reduce((a, b) => a + b)).toBe(blob.size);
    const last = progress.at(-1)!;
    expect(last).toEqual({
      file: "model.safetensors",
      loadedBytes: last.totalBytes,
      totalBytes: last.totalBytes,
    });
  }));

test("several files behind an index load as one would", () =>
  withGpu(async (gpu) => {
    const model = tinyModel({ layers: 2 });
    const names = Object.keys(model.tensors);
    const shards = [names.filter((_, i) => i % 2 === 0), names.filter((_, i) => i % 2 === 1)];
    const files: Files = {};
    const map: Record<string, string> = {};
    for (const [i, part] of shards.entries()) {
      const file = `model-0000${i + 1}-of-00002.safetensors`;
      files[file] = writeSafetensors(
        Object.fromEntries(part.map((name) => [name, model.tensors[name]!])),
      );
      for (const name of part) map[name] = file;
    }
    files["model.safetensors.index.json"] = new TextEncoder().encode(
      JSON.stringify({ weight_map: map }),
    );
    const { qkv } = (await load(gpu, files, model.config)).layers[1]!;
    const parts = ["q", "k", "v"].map((part) => `model.layers.1.self_attn.${part}_proj`);
    expect(await numbers(gpu, qkv)).toEqual(stacked(model, ...parts));
    delete files["model-00002-of-00002.safetensors"];
    await expect(load(gpu, files, model.config)).rejects.toMatchObject({ code: "file-missing" });
  }));

test("aborting stops the load and frees all", () =>
  withGpu(async (gpu) => {
    const model = tinyModel({ layers: 3 });
    const controller = new AbortController();
    let pieces = 0;
    const onProgress = (): void => {
      if (++pieces === 5) controller.abort();
    };
    const run = load(gpu, model.files, model.config, { signal: controller.signal, onProgress });
    await expect(run).rejects.toMatchObject({ code: "aborted" });
    expect(pieces).toBe(5);
    expect(gpu.buffers.bytes).toBe(0);
  }));

test("a matrix larger than the GPU allows fails before anything is read", () =>
  withGpu(async (gpu) => {
    const model = tinyModel({ layers: 1 });
    const rows = Math.ceil(gpu.device.limits.maxStorageBufferBindingSize / 4 / 32) + 8;
    const header = JSON.parse(
      new TextDecoder()
        .decode(model.files["model.safetensors"]!.subarray(8))
        .replace(/\}\}[^]*$/, "}}"),
    ) as Record<string, { shape: number[]; data_offsets: number[] }>;
    const size = rows * 32 * 4;
    for (const [name, entry] of Object.entries(header)) {
      if (name === "__metadata__") continue;
      entry.data_offsets = entry.data_offsets.map((at) => at + size);
      if (name === "model.embed_tokens.weight")
        Object.assign(entry, { shape: [rows, 32], data_offsets: [0, size] });
    }
    const text = new TextEncoder().encode(JSON.stringify(header));
    const head = new Uint8Array(8 + text.length);
    new DataView(head.buffer).setBigUint64(0, BigInt(text.length), true);
    head.set(text, 8);
    const source = {
      label: "huge",
      json: async () => undefined,
      open: async (name: string) => ({
        name,
        size: undefined,
        read: async (start: number, end: number) => head.slice(start, end),
        dispose() {},
      }),
    };
    const config = parseModelConfig({ ...model.config, vocab_size: rows });
    const run = loadWeights(gpu, gpu.buffers, source, config, { dtype: "auto" });
    await expect(run).rejects.toMatchObject({ code: "buffer-too-large" });
    expect(gpu.buffers.bytes).toBe(0);
  }));
