/**
 * The element types of ggml and what becomes of each: kept, laid out anew without loss as blocks of 32, or
 * computed as f32. Layouts and formulas: https://github.com/ggml-org/ggml/blob/master/src/ggml-common.h
 */
import { halfToNumber } from "./half.ts";
import type { TensorDtype } from "./tensor-store.ts";

export interface BlockType {
  readonly name: string;
  readonly elements: number;
  readonly bytes: number;
  /** What `convert` gives. */
  readonly dtype: TensorDtype;
  /** Writes one block at `at` of the input to `to` of the output, both in bytes. Absent: kept as it is. */
  readonly convert?: (from: DataView, at: number, out: DataView, to: number) => void;
}

const half = (view: DataView, at: number): number => halfToNumber(view.getUint16(at, true));

/** Writes element `i`. */
const put = (out: DataView, to: number, i: number, value: number): void =>
  out.setFloat32(to + 4 * i, value, true);

/** By ggml's number. */
export const BLOCK_TYPES: ReadonlyMap<number, BlockType> = new Map<number, BlockType>([
  [0, { name: "F32", elements: 1, bytes: 4, dtype: "F32" }],
  [1, { name: "F16", elements: 1, bytes: 2, dtype: "F16" }],
  [30, { name: "BF16", elements: 1, bytes: 2, dtype: "BF16" }],
  [2, { name: "Q4_0", elements: 32, bytes: 18, dtype: "Q4", convert: repackQ4 }],
  [3, { name: "Q4_1", elements: 32, bytes: 20, dtype: "F32", convert: widenQ4Offset }],
  [6, { name: "Q5_0", elements: 32, bytes: 22, dtype: "Q8", convert: repackQ5 }],
  [7, { name: "Q5_1", elements: 32, bytes: 24, dtype: "F32", convert: widenQ5Offset }],
  [8, { name: "Q8_0", elements: 32, bytes: 34, dtype: "Q8", convert: repackQ8 }],
  [12, { name: "Q4_K", elements: 256, bytes: 144, dtype: "F32", convert: widenQ4K }],
  [13, { name: "Q5_K", elements: 256, bytes: 176, dtype: "F32", convert: widenQ5K }],
  [14, { name: "Q6_K", elements: 256, bytes: 210, dtype: "F32", convert: widenQ6K }],
]);

/** d * (nibble - 8). */
function repackQ4(from: DataView, at: number, out: DataView, to: number): void {
  out.setFloat32(to, half(from, at), true);
  out.setUint32(to + 4, 8, true);
  for (let i = 0; i < 16; i++) {
    const pair = nibble(from, at + 2, 2 * i) | (nibble(from, at + 2, 2 * i + 1) << 4);
    out.setUint8(to + 8 + i, pair);
  }
}

/** d * int8. */
function repackQ8(from: DataView, at: number, out: DataView, to: number): void {
  out.setFloat32(to, half(from, at), true);
  for (let i = 0; i < 32; i++) out.setInt8(to + 4 + i, from.getInt8(at + 2 + i));
}

/** d * (five bits - 16), the fifth bits of all elements in one word. */
function repackQ5(from: DataView, at: number, out: DataView, to: number): void {
  out.setFloat32(to, half(from, at), true);
  const fifths = from.getUint32(at + 2, true);
  for (let i = 0; i < 32; i++) {
    out.setInt8(to + 4 + i, (nibble(from, at + 6, i) | (((fifths >>> i) & 1) << 4)) - 16);
  }
}

/** d * nibble + m. */
function widenQ4Offset(from: DataView, at: number, out: DataView, to: number): void {
  const [d, m] = [half(from, at), half(from, at + 2)];
  for (let i = 0; i < 32; i++) put(out, to, i, d * nibble(from, at + 4, i) + m);
}

/** d * five bits + m. */
function widenQ5Offset(from: DataView, at: number, out: DataView, to: number): void {
  const [d, m] = [half(from, at), half(from, at + 2)];
  const fifths = from.getUint32(at + 4, true);
  for (let i = 0; i < 32; i++) {
    put(out, to, i, d * (nibble(from, at + 8, i) | (((fifths >>> i) & 1) << 4)) + m);
  }
}

/** Of 32 elements the first 16 are the low halves of 16 bytes, the others the high ones. */
function nibble(from: DataView, at: number, i: number): number {
  return (from.getUint8(at + (i % 16)) >> (i < 16 ? 0 : 4)) & 15;
}

/** The 6-bit scale and minimum of each 32 elements, packed into 12 bytes. */
function scaleAndMinimum(from: DataView, at: number, group: number): [number, number] {
  const byte = (i: number): number => from.getUint8(at + i);
  if (group < 4) return [byte(group) & 63, byte(group + 4) & 63];
  return [
    (byte(group + 4) & 15) | ((byte(group - 4) >> 6) << 4),
    (byte(group + 4) >> 4) | ((byte(group) >> 6) << 4),
  ];
}

/** d * scale * nibble - dmin * minimum. */
function widenQ4K(from: DataView, at: number, out: DataView, to: number): void {
  widenK(from, at, out, to, at + 16, undefined);
}

/** The same with a fifth bit: bit `group` of byte `i` belongs to element i of that group. */
function widenQ5K(from: DataView, at: number, out: DataView, to: number): void {
  widenK(from, at, out, to, at + 48, at + 16);
}

function widenK(
  from: DataView,
  at: number,
  out: DataView,
  to: number,
  nibbles: number,
  fifths: number | undefined,
): void {
  const [d, least] = [half(from, at), half(from, at + 2)];
  for (let group = 0; group < 8; group++) {
    const [scale, minimum] = scaleAndMinimum(from, at + 4, group);
    const pairs = nibbles + 32 * (group >> 1);
    for (let i = 0; i < 32; i++) {
      let bits = (from.getUint8(pairs + i) >> (group % 2 ? 4 : 0)) & 15;
      if (fifths !== undefined) bits |= ((from.getUint8(fifths + i) >> group) & 1) << 4;
      put(out, to, group * 32 + i, d * scale * bits - least * minimum);
    }
  }
}

/** d * scale * (six bits - 32), a signed scale per 16 elements; the two high bits lie apart. */
function widenQ6K(from: DataView, at: number, out: DataView, to: number): void {
  const d = half(from, at + 208);
  for (let i = 0; i < 256; i++) {
    const [part, within] = [i >> 7, i & 127];
    const [quarter, lane] = [within >> 5, within & 31];
    const low = from.getUint8(at + part * 64 + (quarter % 2) * 32 + lane) >> (quarter < 2 ? 0 : 4);
    const high = from.getUint8(at + 128 + part * 32 + lane) >> (2 * quarter);
    const scale = from.getInt8(at + 192 + (i >> 4));
    put(out, to, i, d * scale * (((low & 15) | ((high & 3) << 4)) - 32));
  }
}
