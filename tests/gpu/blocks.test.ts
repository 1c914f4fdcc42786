// Weights in blocks as they lie on the GPU after loading: what files have in blocks without loss, what is quantised at load
// as the f64 reference has it, and what it takes.
import { expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { parseModelConfig } from "../../src/model/config.ts";
import type { TensorStore } from "../../src/model/formats/tensor-store.ts";
import { openSource } from "../../src/model/source/index.ts";
import { WeightBuffer, type WeightMatrix } from "../../src/model/weights/buffer.ts";
import { loadWeights } from "../../src/model/weights/index.ts";
import { uploadWeights } from "../../src/model/weights/upload.ts";
import type { Dtype } from "../../src/options.ts";
import { quantiseRows } from "../reference/quantise-rows.ts";
import {
  type Block,
  type BlockType,
  blockValues,
  decodeRows,
  encodeFileBlocks,
} from "../support/blocks.ts";
import { loadTestModel, withGpu } from "../support/engine.ts";
import { hasStories } from "../support/fixtures.ts";
import { storiesGguf } from "../support/gguf-models.ts";
import { roundToF16 } from "../support/half.ts";
import { uniforms } from "../support/random.ts";
import { testTensor, writeSafetensors } from "../support/safetensors-writer.ts";
import { tinyModel, type TinyModel } from "../support/tiny-model.ts";

async function load(gpu: Gpu, model: TinyModel, dtype: Dtype, onProgress?: () => void) {
  const source = await openSource({ files: model.files });
  const config = parseModelConfig(model.config);
  return loadWeights(gpu, gpu.buffers, source, config, { dtype, onProgress });
}

async function blocksOf(gpu: Gpu, { slice, type, cols, k }: WeightMatrix): Promise<Block[][]> {
  const [bytes] = await gpu.submitAndRead([], [slice]);
  return decodeRows(type as BlockType, new Uint8Array(bytes!), cols, k);
}

/** Without the sign of a scale that is 0. */
const plain = (rows: readonly (readonly Block[])[]) =>
  rows.map((row) => row.map((block) => ({ ...block, scale: block.scale + 0 })));

/** 40 is no multiple of 32, 84 none of 8. */
const SIZES = { hidden: 40, heads: 2, headDim: 20, intermediate: 84, layers: 1, vocab: 301 };

test.each([
  ["F32", "q8"],
  ["F16", "q4"],
  ["BF16", "q8"],
] as const)("%s weights are quantised to %s as they are uploaded, norms are not", (dtype, type) =>
  withGpu(async (gpu) => {
    const model = tinyModel({ ...SIZES, dtype, tied: false });
    const weights = await load(gpu, model, type);
    const same = async (matrix: WeightMatrix, expectedType: "q8" | "q4", ...names: string[]) => {
      expect(matrix.type).toBe(expectedType);
      const data = names.flatMap((name) => [...model.tensors[`${name}.weight`]!.data]);
      const expected = quantiseRows(data, matrix.k, expectedType === "q8" ? 8 : 4);
      expect(plain(await blocksOf(gpu, matrix))).toEqual(plain(expected));
    };
    const layer = weights.layers[0]!;
    const at = "model.layers.0";
    // Tables keep eight bits.
    await same(weights.embedding, "q8", "model.embed_tokens");
    await same(weights.head, "q8", "lm_head");
    await same(layer.qkv, type, ...["q", "k", "v"].map((part) => `${at}.self_attn.${part}_proj`));
    await same(layer.gateUp, type, `${at}.mlp.gate_proj`, `${at}.mlp.up_proj`);
    await same(layer.down, type, `${at}.mlp.down_proj`);
    const [norm] = await gpu.submitAndRead([], [weights.norm]);
    expect([...new Float32Array(norm!)]).toEqual([...model.tensors["model.norm.weight"]!.data]);
  }),
);

test("a model in q4 takes what its blocks take, a piece more while it is loaded, and nothing of that stays", () =>
  withGpu(async (gpu) => {
    const model = tinyModel({ hidden: 256, heads: 4, intermediate: 640, layers: 2, vocab: 2048 });
    let most = 0;
    await load(gpu, model, "q4", () => (most = Math.max(most, gpu.buffers.bytes)));
    const params = 2 * (256 * 256 * 2 + 256 * 128 * 2 + 3 * 256 * 640);
    const table = 2048 * 256;
    const norms = 5 * 256 * 4;
    // K is a multiple of 256 but for 640, whose ten groups have room for twelve scales.
    const padding = 2 * 256 * 8;
    const bytes = params * (4.5 / 8) + table * (8.5 / 8) + norms + padding;
    expect(gpu.buffers.bytes).toBe(bytes);
    // The largest tensor, the table, in f32, and the block of parameters of the dispatches.
    expect(most - bytes).toBeGreaterThan(0);
    expect(most - bytes).toBeLessThanOrEqual(table * 4 + 64 * 1024 + 1024);
  }));

test("a weight that is not finite, or too large for a scale, is refused with its tensor's name", () =>
  withGpu(async (gpu) => {
    for (const [value, message] of [
      [NaN, /mlp\.up_proj.*not finite, at index 77 /],
      [-Infinity, /mlp\.up_proj.*not finite, at index 77 /],
      [1e7, /mlp\.up_proj.*holds 10000000, too large/],
    ] as const) {
      const model = tinyModel({ ...SIZES, layers: 2 });
      const name = "model.layers.1.mlp.up_proj.weight";
      const { shape, data } = model.tensors[name]!;
      const broken = data.slice();
      broken[77] = value;
      const tensors = { ...model.tensors, [name]: testTensor("F32", shape, broken) };
      const files = { ...model.files, "model.safetensors": writeSafetensors(tensors) };
      const run = load(gpu, { ...model, files }, "q4");
      await expect(run).rejects.toMatchObject({
        code: "tensor-invalid",
        message: expect.stringMatching(message) as string,
      });
      expect(gpu.buffers.bytes).toBe(0);
    }
  }));

const K = 96;

function fileBlocks(dtype: "Q8" | "Q4", seed: number, change: Partial<Block> = {}): Block[][] {
  const next = uniforms(seed);
  const block = (): Block => ({
    scale: roundToF16(next() - 0.5),
    zero: dtype === "Q8" ? 0 : 8,
    quants: Array.from({ length: 32 }, () => Math.floor(next() * (dtype === "Q8" ? 255 : 16))).map(
      (q) => (dtype === "Q8" ? q - 127 : q),
    ),
  });
  const rows = Array.from({ length: 4 }, () => Array.from({ length: K / 32 }, block));
  rows[2]![1] = { ...rows[2]![1]!, ...change };
  return rows;
}

/** Uploads a stack of three tensors of 4 rows each, the way a layer's q, k and v are. */
async function upload(gpu: Gpu, parts: readonly ["Q8" | "Q4", Block[][]][], type: "q8" | "q4") {
  const names = parts.map((_, i) => `part ${i}`);
  const plan = {
    label: "stack",
    kind: "matrix",
    k: K,
    parts: names.map((name) => ({ name, rows: 4 })),
  } as const;
  const files = parts.map(([dtype, rows]) => encodeFileBlocks(dtype, rows));
  const store: TensorStore = {
    tensors: new Map(
      names.map((name, i) => [
        name,
        { name, dtype: parts[i]![0], shape: [4, K], file: "f", bytes: files[i]!.length },
      ]),
    ),
    read: async ({ name }, first, last) => {
      const bytes = parts[names.indexOf(name)]![0] === "Q8" ? 36 : 24;
      return files[names.indexOf(name)]!.slice((first / 32) * bytes, (last / 32) * bytes);
    },
    dispose: () => {},
  };
  const home = new WeightBuffer(gpu.buffers, plan, type);
  await uploadWeights(gpu, gpu.buffers, store, [home], { dtype: "auto" });
  return home.matrix;
}

test("what is in blocks in a file is the same on the GPU; wide where it must be", () =>
  withGpu(async (gpu) => {
    const numbers = (parts: readonly ["Q8" | "Q4", Block[][]][]) =>
      parts.flatMap(([, rows]) => blockValues(rows).map((x) => x + 0));
    const one = fileBlocks("Q8", 1);
    for (const [parts, type, expected] of [
      [
        [
          ["Q8", one],
          ["Q8", fileBlocks("Q8", 2)],
        ],
        "q8",
        "q8",
      ],
      [
        [
          ["Q4", fileBlocks("Q4", 3)],
          ["Q4", fileBlocks("Q4", 4)],
        ],
        "q4",
        "q4",
      ],
      [
        [
          ["Q4", fileBlocks("Q4", 5)],
          ["Q8", one],
        ],
        "q8",
        "q8",
      ],
      [
        [
          ["Q4", fileBlocks("Q4", 6)],
          ["Q4", fileBlocks("Q4", 7, { zero: 3 })],
        ],
        "q4",
        "q4-wide",
      ],
      [
        [
          ["Q8", one],
          ["Q8", fileBlocks("Q8", 8, { scale: Math.fround(0.1) })],
        ],
        "q8",
        "q8-wide",
      ],
    ] as [["Q8" | "Q4", Block[][]][], "q8" | "q4", BlockType][]) {
      const matrix = await upload(gpu, parts, type);
      expect(matrix.type).toBe(expected);
      const found = blockValues(await blocksOf(gpu, matrix)).map((x) => x + 0);
      expect(found).toEqual(numbers(parts));
    }
  }));

test("bytes beside nibbles become nibbles where that was asked for", () =>
  withGpu(async (gpu) => {
    const [bytes, nibbles] = [fileBlocks("Q8", 11), fileBlocks("Q4", 12)];
    const matrix = await upload(
      gpu,
      [
        ["Q8", bytes],
        ["Q4", nibbles],
      ],
      "q4",
    );
    const found = await blocksOf(gpu, matrix);
    expect(plain(found.slice(0, 4))).toEqual(plain(quantiseRows(blockValues(bytes), K, 4)));
    expect(plain(found.slice(4))).toEqual(plain(nibbles));
  }));

test.skipIf(!hasStories).each([
  ["Q8_0", "q8"],
  ["Q4_0", "q4"],
] as const)("a GGUF file's %s stays as it is, in %s", (encoding, type) =>
  withGpu(async (gpu) => {
    const files = { "m.gguf": storiesGguf(encoding) };
    const kept = await loadTestModel(gpu, files);
    const wide = await loadTestModel(gpu, files, { dtype: "f32" });
    for (const name of ["qkv", "attentionOut", "gateUp"] as const) {
      const matrix = kept.weights.layers[1]![name];
      expect(matrix.type).toBe(type);
      const [data] = await gpu.submitAndRead([], [wide.weights.layers[1]![name].slice]);
      const numbers = blockValues(await blocksOf(gpu, matrix));
      expect(numbers.map((x) => x + 0)).toEqual(Array.from(new Float32Array(data!), (x) => x + 0));
    }
  }),
);
