// Names and shapes are held against the config before a byte of the weights is loaded.
import { describe, expect, test } from "vitest";
import { parseModelConfig } from "../../../src/model/config.ts";
import { openSource } from "../../../src/model/source/index.ts";
import { openStore } from "../../../src/model/formats/open-store.ts";
import {
  checkTensors,
  countNumbers,
  planBuffers,
  planTensors,
} from "../../../src/model/weights/plan.ts";
import { ARCHITECTURES, QWEN2, QWEN3 } from "../../support/architectures.ts";
import { serveFiles } from "../../support/file-server.ts";
import {
  rawSafetensors,
  type TestTensor,
  testTensor,
  writeSafetensors,
} from "../../support/safetensors-writer.ts";
import { jsonFile, tinyModel, type TinyModelOptions } from "../../support/tiny-model.ts";

const MODEL = tinyModel({
  layers: 2,
  vocab: 40,
  hidden: 16,
  intermediate: 24,
  heads: 4,
  kvHeads: 2,
});
const K_PROJ = "model.layers.1.self_attn.k_proj.weight";

async function check(
  tensors: Record<string, TestTensor>,
  changes: object = {},
  layers?: number,
): Promise<void> {
  const config = parseModelConfig({ ...MODEL.config, ...changes }, undefined, { layers });
  const files = await openSource({ files: { "model.safetensors": writeSafetensors(tensors) } });
  const { tensors: entries } = await openStore(files);
  checkTensors(planTensors(config, entries), entries);
}

const filled = (...shape: number[]): TestTensor =>
  testTensor("F32", shape, new Float64Array(shape.reduce((a, b) => a * b, 1)));

test("the tiny model's own tensors fit, in any order", async () => {
  await check(MODEL.tensors);
  await check(Object.fromEntries(Object.entries(MODEL.tensors).toReversed()));
});

test("every tensor of the plan is missed when it is not there, by name", async () => {
  const plan = planTensors(parseModelConfig(MODEL.config));
  for (const { parts } of planBuffers(plan)) {
    for (const { name } of parts) {
      const { [name]: _, ...rest } = MODEL.tensors;
      await expect(check(rest)).rejects.toMatchObject({
        code: "tensor-missing",
        message: expect.stringContaining(`"${name}"`) as string,
      });
    }
  }
  await expect(check(MODEL.tensors, { tie_word_embeddings: false })).rejects.toMatchObject({
    code: "tensor-missing",
    message: expect.stringContaining("lm_head.weight") as string,
  });
});

describe("tensor-invalid", () => {
  const refused = (name: string, tensor: TestTensor, ...texts: string[]) =>
    expect(check({ ...MODEL.tensors, [name]: tensor })).rejects.toMatchObject({
      code: "tensor-invalid",
      message: expect.stringMatching(
        new RegExp([name, ...texts].map((text) => text.replace(/[[\].]/g, "\\$&")).join(".*")),
      ) as string,
    });

  test("a shape other than the config's, with both", async () => {
    await refused(K_PROJ, filled(16, 16), "[16, 16]", "[8, 16]");
    await refused(K_PROJ, filled(16, 8), "[16, 8]"); // transposed: as many numbers
    await refused(K_PROJ, filled(128), "[128]");
    await refused("model.norm.weight", filled(16, 1));
    await refused("model.embed_tokens.weight", filled(41, 16), "[41, 16]", "[40, 16]");
  });

  test.each([
    "model.layers.0.self_attn.q_proj.bias",
    "model.layers.1.self_attn.q_norm.weight",
    "model.layers.0.mlp.gate_proj.bias",
    "model.layers.0.pre_feedforward_layernorm.weight",
    "lm_head.bias",
    "model.vision_tower.weight",
    K_PROJ.replace("weight", "qweight"),
  ])("a tensor that would change the result: %s", (name) => refused(name, filled(16)));

  test("an element type that is needed and cannot be loaded", async () => {
    const bytes = MODEL.files["model.safetensors"]!;
    const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Record<
      string,
      object
    >;
    header[K_PROJ] = { ...header[K_PROJ], dtype: "I32" };
    const files = await openSource({
      files: { "model.safetensors": rawSafetensors(header, bytes.subarray(8 + length)) },
    });
    const { tensors } = await openStore(files);
    const config = parseModelConfig(MODEL.config);
    expect(() => checkTensors(planTensors(config), tensors)).toThrowError(
      expect.objectContaining({
        code: "tensor-invalid",
        message: expect.stringMatching(/k_proj.*I32; F32, F16, BF16, Q8, Q4 work/) as string,
      }) as Error,
    );
  });

  test("blocks that do not divide a row", () => {
    const entries = new Map(
      Object.entries(MODEL.tensors).map(([name, { shape }]) => [name, { dtype: "F32", shape }]),
    );
    const { shape } = entries.get(K_PROJ)!;
    expect(shape.at(-1)! % 32).toBeGreaterThan(0);
    entries.set(K_PROJ, { dtype: "Q4", shape });
    const plan = planTensors(parseModelConfig(MODEL.config));
    expect(() => checkTensors(plan, entries)).toThrowError(
      expect.objectContaining({
        code: "tensor-invalid",
        message: expect.stringMatching(/k_proj.*Q4, in blocks of 32/) as string,
      }) as Error,
    );
  });
});

describe("every architecture", () => {
  test.each(ARCHITECTURES)(
    "%s: its tensors fit, each is missed, and it has as many numbers as it says",
    (_, options) => {
      const { config, tensors } = tinyModel({ ...options, layers: 2 });
      const entries = new Map(Object.entries(tensors));
      const plan = planTensors(parseModelConfig(config));
      checkTensors(plan, entries);
      const sizes = Object.values(tensors).map(({ data }) => data.length);
      expect(countNumbers(plan)).toBe(sizes.reduce((a, b) => a + b));
      for (const name of entries.keys()) {
        const rest = new Map([...entries].filter(([other]) => other !== name));
        expect(() => checkTensors(plan, rest), name).toThrowError(
          expect.objectContaining({ code: "tensor-missing" }) as Error,
        );
      }
    },
  );

  test("a part of one is refused in another, with the architecture's name", () => {
    const tensorsOf = (options: TinyModelOptions) => tinyModel({ ...options, layers: 2 });
    const [qwen2, qwen3] = [tensorsOf(QWEN2), tensorsOf(QWEN3)];
    for (const [{ config, tensors }, name, text] of [
      [qwen3, "model.layers.0.self_attn.q_proj.bias", "qwen3"],
      [qwen2, "model.layers.0.self_attn.q_norm.weight", "qwen2"],
      [qwen2, "model.layers.0.self_attn.o_proj.bias", "qwen2"],
      [qwen3, "vision_tower.embed.weight", "qwen3"],
    ] as const) {
      const entries = new Map(Object.entries({ ...tensors, [name]: filled(4) }));
      expect(() => checkTensors(planTensors(parseModelConfig(config)), entries)).toThrowError(
        expect.objectContaining({
          code: "tensor-invalid",
          message: expect.stringMatching(new RegExp(`${name}.*${text}`)) as string,
        }) as Error,
      );
    }
  });
});

test("left out on purpose: derived tables, a tied head stored twice, layers that were cut off", async () => {
  const extra = {
    "model.layers.0.self_attn.rotary_emb.inv_freq": filled(2),
    "lm_head.weight": filled(40, 16),
  };
  await check({ ...MODEL.tensors, ...extra });
  await check(MODEL.tensors, {}, 1);
});

describe("weight files", () => {
  const open = async (files: Record<string, Uint8Array<ArrayBuffer>>) =>
    openStore(await openSource({ files }));
  const INDEX = "model.safetensors.index.json";
  const shard = writeSafetensors({ a: filled(2) });

  test("neither weights nor an index is file-missing", async () => {
    await expect(open({})).rejects.toMatchObject({
      code: "file-missing",
      message: expect.stringContaining("model.safetensors") as string,
    });
  });

  test("a truncated file is weights-invalid", async () => {
    const bytes = MODEL.files["model.safetensors"]!;
    await expect(open({ "model.safetensors": bytes.slice(0, -4) })).rejects.toMatchObject({
      code: "weights-invalid",
    });
  });

  test.each([
    null,
    {},
    { weight_map: {} },
    { weight_map: [] },
    { weight_map: { a: 3 } },
    { weight_map: { a: "../x.safetensors" } },
    { weight_map: { a: "https://x/y.safetensors" } },
    { weight_map: { a: "model.bin" } },
  ])("index %j is weights-invalid", async (index) => {
    await expect(open({ [INDEX]: jsonFile(index) })).rejects.toMatchObject({
      code: "weights-invalid",
    });
  });

  test("the same tensor in two files is weights-invalid", async () => {
    const index = jsonFile({ weight_map: { a: "x.safetensors", b: "y.safetensors" } });
    const run = open({ [INDEX]: index, "x.safetensors": shard, "y.safetensors": shard });
    await expect(run).rejects.toMatchObject({ code: "weights-invalid" });
  });

  test("a shard that is not there is named, and so is a tensor that its shard lacks", async () => {
    const index = jsonFile({ weight_map: { a: "x.safetensors", b: "y.safetensors" } });
    await expect(open({ [INDEX]: index, "x.safetensors": shard })).rejects.toMatchObject({
      code: "file-missing",
      message: expect.stringContaining("y.safetensors") as string,
    });
    const other = writeSafetensors({ c: filled(2) });
    const run = open({ [INDEX]: index, "x.safetensors": shard, "y.safetensors": other });
    await expect(run).rejects.toMatchObject({
      code: "weights-invalid",
      message: expect.stringMatching(/"b".*y\.safetensors/) as string,
    });
  });

  test("shards are read by name, each tensor from its own", async () => {
    const index = jsonFile({ weight_map: { a: "x.safetensors", c: "y.safetensors" } });
    const y = writeSafetensors({ c: testTensor("F16", [2, 2], [1, 2, 3, 4]) });
    const x = writeSafetensors({ a: testTensor("F32", [2], [5, 6]) });
    const store = await open({ [INDEX]: index, "x.safetensors": x, "y.safetensors": y });
    const c = await store.read(store.tensors.get("c")!, 1, 3);
    expect([...new Uint16Array(c.slice().buffer)]).toEqual([0x4000, 0x4200]);
    const a = await store.read(store.tensors.get("a")!, 1, 2);
    expect([...new Float32Array(a.slice().buffer)]).toEqual([6]);
  });

  test("shards behind redirects, as the hub has them", async () => {
    const x = writeSafetensors({ a: testTensor("F32", [2], [5, 6]) });
    const y = writeSafetensors({ c: testTensor("F32", [2], [7, 8]) });
    const server = await serveFiles(
      {
        [`m/${INDEX}`]: jsonFile({ weight_map: { a: "x.safetensors", c: "y.safetensors" } }),
        "store/1": x,
        "store/2": y,
      },
      { redirects: { "m/x.safetensors": "/store/1", "m/y.safetensors": "/store/2" } },
    );
    try {
      const store = await openStore(await openSource(`${server.url}m`));
      const read = async (name: string) => {
        const bytes = await store.read(store.tensors.get(name)!, 0, 2);
        return [...new Float32Array(bytes.slice().buffer)];
      };
      expect([await read("a"), await read("c")]).toEqual([
        [5, 6],
        [7, 8],
      ]);
      store.dispose();
    } finally {
      await server.close();
    }
  });
});
