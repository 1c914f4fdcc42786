// The library's bit tricks against arithmetic (tests/support/half.ts), over every 16-bit number.
import { expect, test } from "vitest";
import { convertTensor } from "../../../src/model/weights/convert.ts";
import { f16Bits, f16Value, roundToF16 } from "../../support/half.ts";
import { uniforms } from "../../support/random.ts";

const ALL = Uint16Array.from({ length: 65536 }, (_, bits) => bits);
const bytesOf = (array: Uint16Array<ArrayBuffer> | Float32Array<ArrayBuffer>) =>
  new Uint8Array(array.buffer);
const floats = (bytes: Uint8Array<ArrayBuffer>) => new Float32Array(bytes.buffer, bytes.byteOffset);
const halves = (bytes: Uint8Array<ArrayBuffer>) => new Uint16Array(bytes.buffer, bytes.byteOffset);

/** Index of the first element that differs, or -1; NaN equals NaN, and 0 is not -0. */
function firstDifference(found: ArrayLike<number>, expected: (i: number) => number): number {
  for (let i = 0; i < found.length; i++) if (!Object.is(found[i], expected(i))) return i;
  return -1;
}

function bf16Value(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0]!;
}

test("f16 to f32 is exact for all 65,536 numbers", () => {
  const { bytes, overflow } = convertTensor(bytesOf(ALL), "F16", "f32");
  expect(firstDifference(floats(bytes), f16Value)).toBe(-1);
  expect(overflow).toBeUndefined();
});

test("bf16 to f32 is exact for all 65,536 numbers", () => {
  const { bytes } = convertTensor(bytesOf(ALL), "BF16", "f32");
  expect(firstDifference(floats(bytes), bf16Value)).toBe(-1);
});

test("bf16 to f16 rounds to nearest even for all 65,536 numbers", () => {
  const { bytes } = convertTensor(bytesOf(ALL), "BF16", "f16");
  const wrong = firstDifference([...halves(bytes)].map(f16Value), (bits) =>
    roundToF16(bf16Value(bits)),
  );
  expect(wrong).toBe(-1);
});

test("f32 to f16 rounds to nearest even: random numbers, ties, edges", () => {
  const next = uniforms(5);
  const values = [
    0,
    -0,
    65504,
    65519.99,
    -65519.99,
    2 ** -14,
    2 ** -24,
    2 ** -25,
    2 ** -25 * 1.0001,
    3 * 2 ** -25,
    1e-30,
    Infinity,
    -Infinity,
    NaN,
  ];
  for (let i = 0; i < 20000; i++) values.push((next() - 0.5) * 2 ** (next() * 44 - 28));
  // Halfway between two neighbours, for every pair of finite positive ones.
  for (let bits = 0; bits < 0x7bff; bits++) values.push((f16Value(bits) + f16Value(bits + 1)) / 2);
  const input = Float32Array.from(values);
  const { bytes, overflow } = convertTensor(bytesOf(input), "F32", "f16");
  const wrong = firstDifference([...halves(bytes)].map(f16Value), (i) => roundToF16(input[i]!));
  expect([wrong, input[wrong]]).toEqual([-1, undefined]);
  expect(overflow).toBeUndefined();
});

test("what f16 cannot hold is reported; infinities and NaN are kept, not reported", () => {
  const f32 = (...values: number[]) =>
    convertTensor(bytesOf(Float32Array.from(values)), "F32", "f16").overflow;
  expect(f32(1, 65520, 1e9)).toBe(65520);
  expect(f32(-70000)).toBe(-70000);
  expect(f32(65519.99, Infinity, -Infinity, NaN)).toBeUndefined();
  const bf16 = (...bits: number[]) =>
    convertTensor(bytesOf(Uint16Array.from(bits)), "BF16", "f16").overflow;
  expect(bf16(0x477f, 0x7f80, 0xff80, 0x7fc0)).toBeUndefined();
  expect(bf16(0x477f, 0x4780)).toBe(65536);
  expect(bf16(0xff7f)).toBe(bf16Value(0xff7f));
});

test("bytes that need no conversion are passed on as they are", () => {
  const bytes = bytesOf(Float32Array.of(1, 2));
  expect(convertTensor(bytes, "F32", "f32").bytes).toBe(bytes);
  expect(convertTensor(bytes, "F16", "f16").bytes).toBe(bytes);
});

test("a view at an odd place in a file converts the same", () => {
  const file = new Uint8Array(64);
  for (const offset of [1, 2, 3, 5]) {
    const view = file.subarray(offset, offset + 8);
    view.set(bytesOf(Float32Array.of(0.1, -3)));
    const { bytes } = convertTensor(view, "F32", "f16");
    expect([...halves(bytes)]).toEqual([roundToF16(Math.fround(0.1)), -3].map(f16Bits));
    view.set(bytesOf(Uint16Array.of(0x3c00, 0xc000, 0, 0x7bff)));
    expect([...floats(convertTensor(view, "F16", "f32").bytes)]).toEqual([1, -2, 0, 65504]);
  }
});
