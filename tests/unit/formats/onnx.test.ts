// Weights out of ONNX graphs: found by what they flow into, with names that say nothing.
import { describe, expect, test } from "vitest";
import { convertTensor } from "../../../src/model/weights/convert.ts";
import {
  openModelFiles,
  openStore,
  type StoreHints,
} from "../../../src/model/formats/open-store.ts";
import type {
  LocatedTensor,
  TensorDtype,
  TensorStore,
} from "../../../src/model/formats/tensor-store.ts";
import { openSource } from "../../../src/model/source/index.ts";
import { serveFiles } from "../../support/file-server.ts";
import { fixtureBytes, hasFixture } from "../../support/fixtures.ts";
import { onnxLlama, type OnnxModel, type OnnxModelOptions } from "../../support/onnx-models.ts";
import { type OnnxTestGraph, writeOnnx } from "../../support/onnx-writer.ts";
import { testTensor } from "../../support/safetensors-writer.ts";
import { tinyModel } from "../../support/tiny-model.ts";

const SIZES = { layers: 2, hidden: 64, intermediate: 96, heads: 4, kvHeads: 2, vocab: 48 };
const LLAMA = tinyModel({ ...SIZES, tied: false });
const HEADS = { q: 4, kv: 2 };
const HINTS: StoreHints = { heads: 4, kvHeads: 2, gainOffset: 0, dtype: "auto" };

async function open(
  graph: OnnxTestGraph,
  { external, hints = HINTS }: { external?: boolean; hints?: StoreHints } = {},
): Promise<TensorStore> {
  const { model, data } = writeOnnx(graph, external ? "model_q4.onnx_data" : undefined);
  const files = { "onnx/model_q4.onnx": model, ...(data && { "onnx/model_q4.onnx_data": data }) };
  return openStore(await openModelFiles(await openSource({ files }), "onnx/model_q4.onnx"), hints);
}

/** A tensor in f32, read in pieces that end within rows. */
async function numbers(store: TensorStore, tensor: LocatedTensor): Promise<number[]> {
  const size = tensor.shape.reduce((a, b) => a * b, 1);
  const out: number[] = [];
  for (let from = 0; from < size; from += 1056) {
    const bytes = await store.read(tensor, from, Math.min(size, from + 1056));
    const dtype = tensor.dtype as TensorDtype;
    out.push(...new Float32Array(convertTensor(bytes, dtype, "f32").bytes.slice().buffer));
  }
  return out;
}

async function expectSame(store: TensorStore, { tensors }: OnnxModel): Promise<void> {
  expect([...store.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
  for (const [name, { shape, data }] of Object.entries(tensors)) {
    const tensor = store.tensors.get(name)!;
    expect([name, tensor.shape]).toEqual([name, shape]);
    expect([name, await numbers(store, tensor)]).toEqual([name, [...data].map(Math.fround)]);
  }
}

const KINDS: [string, Partial<OnnxModelOptions>, string][] = [
  ["f32", { type: "f32" }, "F32"],
  ["f16", { type: "f16" }, "F16"],
  ["f32, queries, keys and values in one", { type: "f32", packed: true }, "F32"],
  ["f32, every norm and attention spelled out", { type: "f32", spelledOut: true }, "F32"],
  ["q4", { type: "q4" }, "Q4"],
  ["q4 with zero points", { type: "q4", zeros: true }, "Q4"],
  ["q4, queries, keys and values in one", { type: "q4", packed: true, zeros: true }, "Q4"],
  ["q4 in blocks of 64, the last one not full", { type: "q4", block: 64, zeros: true }, "Q4"],
  ["q4 in blocks of 128, longer than a row", { type: "q4", block: 128 }, "Q4"],
  ["q4 in blocks of 16", { type: "q4", block: 16, zeros: true }, "F32"],
  ["q8", { type: "q8" }, "Q8"],
  ["q8 with zero points", { type: "q8", zeros: true }, "F32"],
  ["q4, spelled out", { type: "q4", spelledOut: true }, "Q4"],
];

describe.each(KINDS)("%s", (_, options, dtype) => {
  const model = onnxLlama(LLAMA.tensors, {
    layers: 2,
    heads: HEADS,
    type: "f32",
    ...options,
  });

  test.each([false, true])(
    "all tensors and their numbers; in a file beside it: %s",
    async (external) => {
      const store = await open(model.graph, { external });
      await expectSame(store, model);
      expect(store.tensors.get("model.layers.1.mlp.up_proj.weight")!.dtype).toBe(dtype);
      expect(store.ownHead).toBe(true);
      const [file] = external ? ["onnx/model_q4.onnx_data"] : ["onnx/model_q4.onnx"];
      expect(store.tensors.get("model.layers.0.mlp.down_proj.weight")!.file).toBe(file);
    },
  );
});

test.each([{}, { packed: true }, { spelledOut: true }, { type: "q4", packed: true }] as const)(
  "biases of queries, keys and values: %j",
  async (options) => {
    const biases = [0, 1].flatMap((layer) =>
      (["q", "k", "v"] as const).map((part, i) => {
        const rows = part === "q" ? 64 : 32;
        const data = Float64Array.from(
          { length: rows },
          (_, j) => (j + 100 * i + 1000 * layer) / 8,
        );
        const name = `model.layers.${layer}.self_attn.${part}_proj.bias`;
        return [name, testTensor("F32", [rows], data)] as const;
      }),
    );
    const tensors = { ...LLAMA.tensors, ...Object.fromEntries(biases) };
    const model = onnxLlama(tensors, { layers: 2, heads: HEADS, type: "f32", ...options });
    expect(Object.keys(model.tensors)).toContain("model.layers.1.self_attn.k_proj.bias");
    await expectSame(await open(model.graph), model);
  },
);

test("a head that is the embedding turned around is no tensor of its own", async () => {
  const model = onnxLlama(LLAMA.tensors, { layers: 2, heads: HEADS, type: "f32", tiedHead: true });
  const store = await open(model.graph);
  await expectSame(store, model);
  expect(store.ownHead).toBe(false);
});

test("norms are given without the 1 that Gemma's graphs have in them", async () => {
  const model = onnxLlama(LLAMA.tensors, { layers: 2, heads: HEADS, type: "f16" });
  const store = await open(model.graph, { hints: { ...HINTS, gainOffset: 1 } });
  const name = "model.layers.1.input_layernorm.weight";
  const held = [...model.tensors[name]!.data];
  expect(await numbers(store, store.tensors.get(name)!)).toEqual(
    held.map((x) => Math.fround(x - 1)),
  );
});

test("over HTTP, without ranges or a known size, too", async () => {
  const model = onnxLlama(LLAMA.tensors, { layers: 2, heads: HEADS, type: "q4", zeros: true });
  const { model: bytes, data } = writeOnnx(model.graph, "model.onnx_data");
  const files = { "m/onnx/model.onnx": bytes, "m/onnx/model.onnx_data": data! };
  for (const options of [{}, { ranges: false }, { chunked: true }]) {
    const server = await serveFiles(files, options);
    try {
      const source = await openSource(`${server.url}m`);
      const store = await openStore(await openModelFiles(source, "onnx/model.onnx"), HINTS);
      // Plans are made from headers, and weights read later.
      store.dispose();
      await expectSame(store, model);
      store.dispose();
    } finally {
      await server.close();
    }
  }
});

describe("which file is taken", () => {
  const { model } = writeOnnx(
    onnxLlama(LLAMA.tensors, { layers: 2, heads: HEADS, type: "f32" }).graph,
  );
  const looked = async (names: string[], dtype: string) => {
    const source = await openSource({
      files: Object.fromEntries(names.map((name) => [name, model])),
    });
    const store = await openStore(source, { ...HINTS, dtype });
    return [...store.tensors.values()][0]!.file;
  };

  test("the one that fits what was asked for", async () => {
    const all = [
      "onnx/model.onnx",
      "onnx/model_fp16.onnx",
      "onnx/model_q4.onnx",
      "onnx/model_q4f16.onnx",
    ];
    expect(await looked(all, "auto")).toBe("onnx/model_fp16.onnx");
    expect(await looked(all, "f32")).toBe("onnx/model.onnx");
    expect(await looked(all, "q4")).toBe("onnx/model_q4f16.onnx");
    expect(await looked(all.slice(2, 3), "q4")).toBe("onnx/model_q4.onnx");
  });

  test("none: what was looked for is named", async () => {
    const names = [
      "model.safetensors",
      "model.safetensors.index.json",
      "onnx/model_fp16.onnx",
      "onnx/model.onnx",
    ];
    await expect(looked(["onnx/model_q4.onnx"], "q8")).rejects.toMatchObject({
      code: "file-missing",
      message: expect.stringContaining(`looked for ${names.join(", ")}.`) as string,
    });
  });
});

describe("refused", () => {
  const good = onnxLlama(LLAMA.tensors, { layers: 2, heads: HEADS, type: "q4" }).graph;

  const others = [
    "hf-internal-testing__tiny-random-gpt2-fp32__past.onnx",
    "hf-internal-testing__tiny-qwen35-cuda__decoder.onnx",
  ];
  test.skipIf(!others.every((name) => hasFixture(`onnx/${name}`))).each(others)(
    "a real graph of another architecture: %s",
    async (name) => {
      const files = { "m.onnx": fixtureBytes(`onnx/${name}`) };
      const run = openStore(await openModelFiles(await openSource({ files }), "m.onnx"), HINTS);
      await expect(run).rejects.toMatchObject({ code: "architecture-unknown" });
    },
  );

  test("matrices in a form that is not read, by its name", async () => {
    const nodes = good.nodes.map((node) =>
      node.op === "MatMulNBits" ? { ...node, op: "MatMulInteger" } : node,
    );
    await expect(open({ ...good, nodes })).rejects.toMatchObject({
      code: "architecture-unknown",
      message: expect.stringContaining("MatMulInteger") as string,
    });
  });

  test("blocks whose parts do not fit each other", async () => {
    for (const part of ["_quant", "_scales"]) {
      const constants = good.constants.map((one) =>
        one.name.endsWith(part)
          ? {
              ...one,
              shape: [one.shape[0]! - 1, ...one.shape.slice(1)],
              bytes: one.bytes.slice(0, (one.bytes.length / one.shape[0]!) * (one.shape[0]! - 1)),
            }
          : one,
      );
      await expect(open({ ...good, constants })).rejects.toMatchObject({
        code: "architecture-unknown",
      });
    }
  });

  test("weights in a file that is not there, or is cut short", async () => {
    const { model, data } = writeOnnx(good, "weights.bin");
    const read = async (more: Record<string, Uint8Array<ArrayBuffer>>) => {
      const source = await openSource({ files: { "onnx/model.onnx": model, ...more } });
      const store = await openStore(await openModelFiles(source, "onnx/model.onnx"), HINTS);
      const tensor = [...store.tensors.values()].at(-1)!;
      return store.read(tensor, 0, tensor.shape[0]!);
    };
    await expect(read({})).rejects.toMatchObject({
      code: "file-missing",
      message: expect.stringContaining("onnx/weights.bin") as string,
    });
    await expect(read({ "onnx/weights.bin": data!.slice(0, 100) })).rejects.toMatchObject({
      code: "weights-invalid",
    });
  });

  test.each(["../secret", "/etc/passwd", "a/b", "https://x/y", "..", ""])(
    "weights in %j",
    async (location) => {
      const { model } = writeOnnx(good, location);
      const source = await openSource({ files: { "m.onnx": model } });
      await expect(openStore(await openModelFiles(source, "m.onnx"), HINTS)).rejects.toMatchObject({
        code: "weights-invalid",
      });
    },
  );
});
