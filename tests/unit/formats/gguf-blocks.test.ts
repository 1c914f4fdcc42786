// Blocks of random bytes, read through the store, against the f64 reference.
import { describe, expect, test } from "vitest";
import { widenBlocks } from "../../../src/model/formats/blocks.ts";
import { GgufStore } from "../../../src/model/formats/gguf-store.ts";
import { readGgufHeader } from "../../../src/model/formats/gguf.ts";
import { openSource } from "../../../src/model/source/index.ts";
import { GGML_BLOCKS } from "../../reference/ggml-blocks.ts";
import { writeGguf } from "../../support/gguf-writer.ts";
import { uniforms } from "../../support/random.ts";

async function storeOf(bytes: Uint8Array<ArrayBuffer>): Promise<GgufStore> {
  const source = await openSource({ files: { "m.gguf": bytes } });
  const open = async () => (await source.open("m.gguf"))!;
  const file = await open();
  return new GgufStore(file, await readGgufHeader(file), open);
}

const f32 = (bytes: Uint8Array<ArrayBuffer>): number[] => [
  ...new Float32Array(bytes.slice().buffer),
];

describe.each(Object.entries(GGML_BLOCKS))("%s", (name, { type, bytes, numbers }) => {
  const next = uniforms(type);
  const elements = bytes > 40 ? 256 : 32;
  const count = 6;
  const data = Uint8Array.from({ length: count * bytes }, () => Math.floor(next() * 256));
  // An f16 exponent of all ones is no number.
  const view = new DataView(data.buffer);
  for (let block = 0; block < count; block++) {
    const scales = name === "Q6_K" ? [208] : [0, ...(/_1|[45]_K/.test(name) ? [2] : [])];
    for (const at of scales) {
      const place = block * bytes + at;
      view.setUint16(place, view.getUint16(place, true) & 0xbfff, true);
    }
  }
  const expected = Array.from({ length: count }, (_, i) =>
    numbers(data.subarray(i * bytes, (i + 1) * bytes)),
  ).flat();
  const file = writeGguf({}, [
    { name: "x", type, shape: [2, (count / 2) * elements], bytes: data },
  ]);

  test("all of it, and pieces of it, are the reference's numbers", async () => {
    const store = await storeOf(file);
    const tensor = store.tensors.get("x")!;
    const rounded = expected.map(Math.fround);
    const isPacked = tensor.dtype === "Q8" || tensor.dtype === "Q4";
    for (const [from, to] of [
      [0, expected.length],
      [32, 96],
      [expected.length - 32, expected.length],
      ...(isPacked ? [] : [[33, 35]]),
    ] as const) {
      const piece = await store.read(tensor, from!, to!);
      const values = isPacked ? widenBlocks(piece, tensor.dtype as "Q8") : piece;
      expect(f32(values)).toEqual(rounded.slice(from, to));
    }
    expect(tensor).toMatchObject({ bytes: data.length, widened: !isPacked });
  });
});

test("F32, F16 and BF16 are kept as they are", async () => {
  const bytes = Uint8Array.from({ length: 64 }, (_, i) => i);
  for (const [type, dtype, size] of [
    [0, "F32", 4],
    [1, "F16", 2],
    [30, "BF16", 2],
  ] as const) {
    const shape = [2, 32 / size];
    const store = await storeOf(writeGguf({}, [{ name: "x", type, shape, bytes }]));
    const tensor = store.tensors.get("x")!;
    expect(tensor).toMatchObject({ dtype, shape, widened: false });
    expect([...(await store.read(tensor, 3, 5))]).toEqual([...bytes.slice(3 * size, 5 * size)]);
  }
});

test("other types are named, with those that work", async () => {
  const file = writeGguf({}, [{ name: "x", type: 20, shape: [32], bytes: new Uint8Array(18) }]);
  await expect(storeOf(file)).rejects.toMatchObject({
    code: "tensor-invalid",
    message: expect.stringMatching(/"x".*type 20.*Q4_K/) as string,
  });
});

test("Gemma's norms are given without the 1 that its files have in them", async () => {
  const norm = new Uint8Array(Float32Array.of(1.5, 0.75, 1).buffer);
  const store = await storeOf(
    writeGguf({ "general.architecture": { text: "gemma3" } }, [
      { name: "output_norm.weight", type: 0, shape: [3], bytes: norm },
      { name: "blk.0.attn_q.weight", type: 0, shape: [3, 1], bytes: norm },
    ]),
  );
  const read = async (name: string) => f32(await store.read(store.tensors.get(name)!, 0, 3));
  expect(await read("model.norm.weight")).toEqual([0.5, -0.25, 0]);
  expect(await read("model.layers.0.self_attn.q_proj.weight")).toEqual([1.5, 0.75, 1]);
});
