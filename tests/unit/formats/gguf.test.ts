// GGUF headers as bytes from anywhere, and what their metadata says of the model.
import { describe, expect, test } from "vitest";
import { parseModelConfig } from "../../../src/model/config.ts";
import { ggufConfig } from "../../../src/model/formats/gguf-config.ts";
import { openModelFiles, openStore } from "../../../src/model/formats/open-store.ts";
import { readGgufHeader } from "../../../src/model/formats/gguf.ts";
import { openSource } from "../../../src/model/source/index.ts";
import { serveFiles } from "../../support/file-server.ts";
import { fixtureBytes, fixtureJson, hasFixture } from "../../support/fixtures.ts";
import { STORIES_FIELDS } from "../../support/gguf-models.ts";
import { type GgufField, writeGguf } from "../../support/gguf-writer.ts";

const V1 = "models/stories260K/tinyllamas-stories-260k-f32.gguf";

async function header(bytes: Uint8Array<ArrayBuffer>) {
  const source = await openSource({ files: { "m.gguf": bytes } });
  return readGgufHeader((await source.open("m.gguf"))!);
}

const refusal = (bytes: Uint8Array<ArrayBuffer>, message: RegExp | string = "") =>
  expect(header(bytes)).rejects.toMatchObject({
    code: "weights-invalid",
    message: expect.stringMatching(message) as string,
  });

const FIELDS: Record<string, GgufField> = {
  "a.count": { u32: 7 },
  "a.text": { text: "Grüße" },
  "a.flag": { bool: true },
  "a.scale": { f32: 0.5 },
  "a.list": { texts: ["x", "", "yz"] },
  "a.numbers": { f32s: [1, -2.5] },
  "a.whole": { i32s: [-1, 2] },
};
const DATA = [
  { name: "one", type: 0, shape: [2, 3], bytes: new Uint8Array(24).fill(1) },
  { name: "two", type: 1, shape: [5], bytes: new Uint8Array(10).fill(2) },
];

test.each([1, 2, 3])("version %i: metadata, shapes rows first, places", async (version) => {
  const bytes = writeGguf(FIELDS, DATA, version);
  const { metadata, tensors } = await header(bytes);
  const plain = [...metadata].map(([key, value]) => [
    key,
    value instanceof Float64Array ? [...value] : value,
  ]);
  expect(plain).toEqual([
    ["a.count", 7],
    ["a.text", "Grüße"],
    ["a.flag", true],
    ["a.scale", 0.5],
    ["a.list", ["x", "", "yz"]],
    ["a.numbers", [1, -2.5]],
    ["a.whole", [-1, 2]],
  ]);
  expect(tensors.map(({ name, type, shape }) => [name, type, shape])).toEqual([
    ["one", 0, [2, 3]],
    ["two", 1, [5]],
  ]);
  expect(tensors.map(({ start }) => [start % 32, bytes[start]])).toEqual([
    [0, 1],
    [0, 2],
  ]);
});

describe("broken files", () => {
  const good = writeGguf(FIELDS, DATA);
  const patched = (at: number, value: bigint): Uint8Array<ArrayBuffer> => {
    const bytes = good.slice();
    new DataView(bytes.buffer).setBigUint64(at, value, true);
    return bytes;
  };

  test("cut short anywhere in the header", async () => {
    const { tensors } = await header(good);
    for (let length = 0; length < tensors[0]!.start - 32; length++) {
      await refusal(good.slice(0, length));
    }
  });

  test("another magic, version or byte order", async () => {
    await refusal(new TextEncoder().encode("GGML and much more than that"), "not a GGUF file");
    await refusal(patched(0, 0x4_46554747n), "version 4");
    await refusal(patched(0, 0x03000000_46554747n), "big-endian");
  });

  test("counts that the file cannot hold are refused before anything is made of them", async () => {
    for (const count of [2n ** 62n, 2n ** 32n, 1000n]) {
      await refusal(patched(8, count), /counts/);
      await refusal(patched(16, count), /counts/);
      await refusal(patched(24, count), /counts/);
    }
  });

  test("a tensor beyond the end, upon another, or in half a block", async () => {
    const open = async (tensors: Parameters<typeof writeGguf>[1], cut?: number) => {
      const bytes = writeGguf(STORIES_FIELDS, tensors).slice(0, cut);
      const folder = await openSource({
        files: { "m.gguf": bytes, "tokenizer.json": new TextEncoder().encode("{}") },
      });
      return openStore(await openModelFiles(folder, "m.gguf"));
    };
    const bad = { code: "weights-invalid" };
    await expect(open(DATA, -24)).rejects.toMatchObject(bad);
    await expect(open([{ ...DATA[0]!, shape: [900, 3] }])).rejects.toMatchObject(bad);
    await expect(open([{ ...DATA[0]!, shape: [9, 3] }, DATA[1]!])).rejects.toMatchObject(bad);
    await expect(open([{ ...DATA[0]!, type: 8, shape: [2, 3] }])).rejects.toMatchObject(bad);
    expect([...(await open(DATA)).tensors.keys()]).toEqual(["one", "two"]);
  });
});

describe("config.json out of the metadata", () => {
  const configOf = async (fields: Record<string, GgufField>, names: string[] = []) => {
    const tensors = ["token_embd.weight", ...names].map((name) => ({
      name,
      type: 0,
      shape: [512, 64],
      bytes: new Uint8Array(512 * 64 * 4),
    }));
    return ggufConfig(await header(writeGguf(fields, tensors)));
  };

  test.skipIf(!hasFixture("models/stories260K-hf/config.json"))(
    "Llama's is what the model was published with",
    async () => {
      const own = parseModelConfig(fixtureJson("models/stories260K-hf/config.json"));
      const ends = {
        "tokenizer.ggml.bos_token_id": { u32: 1 },
        "tokenizer.ggml.eos_token_id": { u32: 2 },
      };
      const { rmsNormEps, ...rest } = parseModelConfig(
        await configOf({ ...STORIES_FIELDS, ...ends }),
      );
      expect({ ...rest, rmsNormEps: Number(rmsNormEps.toPrecision(6)) }).toEqual(own);
    },
  );

  test("an own head unties; ends of turns end the text; rotary scalings go by their names", async () => {
    const fields = {
      ...STORIES_FIELDS,
      "llama.rope.freq_base": { f32: 500000 },
      "llama.rope.scaling.type": { text: "yarn" },
      "llama.rope.scaling.factor": { f32: 4 },
      "llama.rope.scaling.original_context_length": { u32: 128 },
      "tokenizer.ggml.eos_token_id": { u32: 9 },
      "tokenizer.ggml.eot_token_id": { u32: 11 },
    } as const;
    expect(await configOf(fields, ["output.weight"])).toMatchObject({
      tie_word_embeddings: false,
      eos_token_id: [9, 11],
      rope_theta: 500000,
      rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 128 },
    });
    expect(await configOf(STORIES_FIELDS)).toMatchObject({ rope_scaling: null });
  });

  test("Llama 3's divisors of frequencies become its scaling; others are refused", async () => {
    const divisors = (factor: number): number[] =>
      Array.from({ length: 32 }, (_, i) => {
        const wavelength = 2 * Math.PI * 500000 ** (i / 32);
        if (wavelength < 8192 / 4) return 1;
        if (wavelength > 8192) return factor;
        const smooth = (8192 / wavelength - 1) / 3;
        return 1 / ((1 - smooth) / factor + smooth);
      });
    const file = await header(
      writeGguf(
        {
          ...STORIES_FIELDS,
          "llama.rope.freq_base": { f32: 500000 },
          "llama.rope.dimension_count": { u32: 64 },
        },
        [],
      ),
    );
    expect(ggufConfig(file, divisors(32))["rope_scaling"]).toEqual({
      rope_type: "llama3",
      factor: 32,
      low_freq_factor: 1,
      high_freq_factor: 4,
      original_max_position_embeddings: 8192,
    });
    const other = divisors(32).map((x, i) => (i === 20 ? x * 1.1 : x));
    expect(() => ggufConfig(file, other)).toThrowError(
      expect.objectContaining({ code: "config-invalid" }),
    );
  });

  test("an architecture that llama.cpp alone knows is named as such", async () => {
    const config = await configOf({ "general.architecture": { text: "rwkv7" } });
    expect(() => parseModelConfig(config)).toThrowError(
      expect.objectContaining({
        code: "architecture-unknown",
        message: expect.stringContaining("rwkv7") as string,
      }),
    );
  });
});

test.skipIf(!hasFixture(V1))(
  "over HTTP, with or without a known size, ranges or neither",
  async () => {
    const bytes = fixtureBytes(V1);
    const own = await openStore(
      await openModelFiles(await openSource({ files: { "m.gguf": bytes } }), undefined),
    );
    for (const options of [{}, { chunked: true }, { ranges: false }]) {
      const server = await serveFiles({ "m/m.gguf": bytes }, options);
      try {
        const store = await openStore(
          await openModelFiles(await openSource(`${server.url}m`), "m.gguf"),
        );
        expect([...store.tensors.keys()]).toEqual([...own.tensors.keys()]);
        const last = [...store.tensors.values()].at(-1)!;
        expect(await store.read(last, 0, 32)).toEqual(await own.read(last, 0, 32));
        // Plans are made from headers, and weights read later.
        store.dispose();
        const first = [...store.tensors.values()][0]!;
        expect(await store.read(first, 0, 32)).toEqual(await own.read(first, 0, 32));
        store.dispose();
      } finally {
        await server.close();
      }
    }
  },
);
