// Bytes from anywhere: whatever is wrong with them is found before a tensor is believed.
import { describe, expect, test } from "vitest";
import { CoppiceError } from "../../../src/errors.ts";
import { readSafetensorsHeader } from "../../../src/model/formats/safetensors.ts";
import { openSource } from "../../../src/model/source/index.ts";
import { uniforms } from "../../support/random.ts";
import { rawSafetensors, testTensor, writeSafetensors } from "../../support/safetensors-writer.ts";

async function entries(bytes: Uint8Array<ArrayBuffer>) {
  const source = await openSource({ files: { "model.safetensors": bytes } });
  return readSafetensorsHeader((await source.open("model.safetensors"))!);
}

async function refusal(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const error = await entries(bytes).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ code: "weights-invalid" });
  expect((error as CoppiceError).fix).not.toBe("");
  return (error as CoppiceError).message;
}

const GOOD = writeSafetensors({
  a: testTensor("F32", [2, 3], [1, 2, 3, 4, 5, 6]),
  b: testTensor("BF16", [4], [1, 2, 3, 4]),
});

/** A header with one tensor and `bytes` of data. */
function one(tensor: unknown, bytes = 8): Uint8Array<ArrayBuffer> {
  return rawSafetensors({ x: tensor }, new Uint8Array(bytes));
}

test("tensors come in file order, with places counted from the file's start", async () => {
  const found = await entries(GOOD);
  expect(found.map(({ name, dtype, shape }) => [name, dtype, shape])).toEqual([
    ["a", "F32", [2, 3]],
    ["b", "BF16", [4]],
  ]);
  expect(found[0]!.end - found[0]!.start).toBe(24);
  expect(found[1]!.end).toBe(GOOD.length);
});

test("order in the header does not matter; types that cannot be loaded may be there", async () => {
  const header = {
    later: { dtype: "I64", shape: [1], data_offsets: [4, 12] },
    odd: { dtype: "Q9_FUTURE", shape: [3], data_offsets: [12, 14] },
    first: { dtype: "F16", shape: [2], data_offsets: [0, 4] },
    none: { dtype: "F32", shape: [0, 5], data_offsets: [4, 4] },
    scalar: { dtype: "U8", shape: [], data_offsets: [14, 15] },
  };
  const found = await entries(rawSafetensors(header, new Uint8Array(15)));
  expect(found.map((entry) => entry.name)).toEqual(["first", "none", "later", "odd", "scalar"]);
});

describe("broken files", () => {
  test("cut short anywhere", async () => {
    for (let length = 0; length < GOOD.length; length++) await refusal(GOOD.slice(0, length));
    expect(await refusal(GOOD.slice(0, -1))).toContain("cut short");
  });

  test("a header that points past the end, or beyond the format's limit", async () => {
    const file = GOOD.slice();
    const view = new DataView(file.buffer);
    view.setBigUint64(0, BigInt(file.length - 7), true);
    expect(await refusal(file)).toContain("points past its end");
    for (const length of [0n, 1n, 100_000_001n, 2n ** 63n, 2n ** 64n - 1n]) {
      view.setBigUint64(0, length, true);
      expect(await refusal(file)).toContain(String(length));
    }
  });

  test.each(["not json", "[]", "null", "77", '{"a":', "\u0000\u0000"])(
    "header %j",
    async (header) => {
      expect(await refusal(rawSafetensors(header))).toContain("not a JSON object");
    },
  );

  test("a header that is not UTF-8", async () => {
    const file = GOOD.slice();
    file[12] = 0xff;
    await refusal(file);
  });

  const cases: [string, unknown, number?][] = [
    ["no entry", null],
    ["no dtype", { shape: [2], data_offsets: [0, 8] }],
    ["no shape", { dtype: "F32", data_offsets: [0, 8] }],
    ["a negative size", { dtype: "F32", shape: [-2], data_offsets: [0, 8] }],
    ["a fractional size", { dtype: "F32", shape: [0.5, 4], data_offsets: [0, 8] }],
    ["a size as text", { dtype: "F32", shape: ["2"], data_offsets: [0, 8] }],
    [
      "a product beyond safe integers",
      { dtype: "F32", shape: [2 ** 40, 2 ** 40], data_offsets: [0, 8] },
    ],
    ["one offset", { dtype: "F32", shape: [2], data_offsets: [0] }],
    ["three offsets", { dtype: "F32", shape: [2], data_offsets: [0, 8, 16] }],
    ["an end before its begin", { dtype: "F32", shape: [2], data_offsets: [8, 0] }],
    ["an end past the file", { dtype: "F32", shape: [2], data_offsets: [8, 16] }],
    ["an unsafe offset", { dtype: "F32", shape: [2], data_offsets: [2 ** 60, 2 ** 60 + 8] }],
    ["fewer bytes than its shape", { dtype: "F32", shape: [3], data_offsets: [0, 8] }],
    ["more bytes than its shape", { dtype: "F16", shape: [3], data_offsets: [0, 8] }],
  ];
  test.each(cases)("a tensor with %s", async (_, tensor) => {
    await refusal(one(tensor));
  });

  test("tensors that overlap", async () => {
    const header = {
      x: { dtype: "F32", shape: [2], data_offsets: [0, 8] },
      y: { dtype: "F32", shape: [2], data_offsets: [4, 12] },
    };
    expect(await refusal(rawSafetensors(header, new Uint8Array(12)))).toContain("overlapping");
  });

  test("random damage: a typed error or a table that fits the file, never anything else", async () => {
    const next = uniforms(3);
    let refused = 0;
    for (let round = 0; round < 2000; round++) {
      const file = GOOD.slice(0, next() < 0.2 ? Math.floor(next() * GOOD.length) : undefined);
      for (let hits = 1 + Math.floor(next() * 4); hits > 0 && file.length > 0; hits--) {
        file[Math.floor(next() ** 2 * file.length)] = Math.floor(next() * 256);
      }
      try {
        for (const { start, end, shape } of await entries(file)) {
          expect(start).toBeLessThanOrEqual(end);
          expect(end).toBeLessThanOrEqual(file.length);
          expect(shape.every((n) => Number.isSafeInteger(n) && n >= 0)).toBe(true);
        }
      } catch (error) {
        if (!CoppiceError.isInstance(error)) throw error;
        expect(error).toMatchObject({ code: "weights-invalid" });
        refused += 1;
      }
    }
    expect(refused).toBeGreaterThan(500);
  });
});
