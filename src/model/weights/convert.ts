/** Tensor bytes from a file's element type to the one the GPU holds. Works on pieces of a tensor. */
import type { BlockType, WeightType } from "../../kernels/index.ts";
import { widenBlocks } from "../formats/blocks.ts";
import type { TensorDtype } from "../formats/tensor-store.ts";

/** Converted elements as bytes, little-endian as in the file; may be a view of the input. */
export interface ConvertedTensor {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The first finite number that f16 cannot hold (65,520 and beyond), where there is one. */
  readonly overflow: number | undefined;
}

/**
 * Converts `bytes` of `from` to `to`, rounding to nearest, ties to even. Infinities and NaN are kept.
 * Exact but for f32 to f16, and bf16 to f16 below 2^-14, where f16 has fewer bits.
 */
export function convertTensor(
  bytes: Uint8Array<ArrayBuffer>,
  from: TensorDtype,
  to: Exclude<WeightType, BlockType>,
): ConvertedTensor {
  if (from === "Q8" || from === "Q4") return convertTensor(widenBlocks(bytes, from), "F32", to);
  if ((from === "F32" && to === "f32") || (from === "F16" && to === "f16")) {
    return { bytes, overflow: undefined };
  }
  if (to === "f32") return { bytes: widen(halfWords(bytes), from), overflow: undefined };
  return from === "BF16" ? narrowBf16(halfWords(bytes)) : narrowF32(words(bytes));
}

function widen(input: Uint16Array, from: TensorDtype): Uint8Array<ArrayBuffer> {
  const out = new Uint32Array(input.length);
  if (from === "BF16") {
    for (let i = 0; i < input.length; i++) out[i] = input[i]! << 16;
  } else {
    const table = (f16Table ??= makeTable(Uint32Array, f16ToF32));
    for (let i = 0; i < input.length; i++) out[i] = table[input[i]!]!;
  }
  return new Uint8Array(out.buffer);
}

function narrowBf16(input: Uint16Array): ConvertedTensor {
  const table = (bf16Table ??= makeTable(Uint16Array, (bits) => f32ToF16((bits << 16) >>> 0)));
  const out = new Uint16Array(input.length);
  let overflow: number | undefined;
  for (let i = 0; i < input.length; i++) {
    const bits = input[i]!;
    out[i] = table[bits]!;
    const size = bits & 0x7fff;
    // 2^16 and up, but finite; the largest bf16 below 2^16 fits.
    if (size >= 0x4780 && size < 0x7f80) overflow ??= f32Value(bits << 16);
  }
  return { bytes: new Uint8Array(out.buffer), overflow };
}

function narrowF32(input: Uint32Array): ConvertedTensor {
  const out = new Uint16Array(input.length);
  let overflow: number | undefined;
  for (let i = 0; i < input.length; i++) {
    const bits = input[i]!;
    const half = f32ToF16(bits);
    out[i] = half;
    if ((half & 0x7fff) === 0x7c00 && (bits & 0x7fffffff) !== 0x7f800000)
      overflow ??= f32Value(bits);
  }
  return { bytes: new Uint8Array(out.buffer), overflow };
}

/** f32 bits to f16 bits, to nearest even. */
function f32ToF16(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size >= 0x7f800000) return sign | (size > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (size >= 0x47800000) return sign | 0x7c00;
  if (size >= 0x38800000) {
    // Normal: rebias the exponent and round the 13 bits that fall away; a carry may reach infinity.
    return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  }
  // Subnormal: a count of 2^-24.
  const scaled = f32Value(size) * 2 ** 24;
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  return sign | (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0));
}

/** The f16 bits of a number given as f32 bits; undefined where f16 does not have it. */
export function exactF16(bits: number): number | undefined {
  const half = f32ToF16(bits);
  return f16ToF32(half) === bits ? half : undefined;
}

/** f16 bits to f32 bits, exactly. */
function f16ToF32(bits: number): number {
  const sign = (bits & 0x8000) << 16;
  const exponent = (bits >>> 10) & 31;
  const mantissa = bits & 0x3ff;
  if (exponent === 31) return (sign | 0x7f800000 | (mantissa << 13)) >>> 0;
  if (exponent > 0) return (sign | ((exponent + 112) << 23) | (mantissa << 13)) >>> 0;
  SCRATCH.setFloat32(0, mantissa * 2 ** -24);
  return (sign | SCRATCH.getUint32(0)) >>> 0;
}

const SCRATCH = new DataView(new ArrayBuffer(4));
let f16Table: Uint32Array | undefined;
let bf16Table: Uint16Array | undefined;

function f32Value(bits: number): number {
  SCRATCH.setUint32(0, bits >>> 0);
  return SCRATCH.getFloat32(0);
}

/** All 65,536 answers: a look-up per element is what makes loading a large model quick. */
function makeTable<T extends Uint16Array | Uint32Array>(
  kind: new (length: number) => T,
  answer: (bits: number) => number,
): T {
  const table = new kind(65536);
  for (let bits = 0; bits < 65536; bits++) table[bits] = answer(bits);
  return table;
}

/** A view as 16-bit words; copied first where a file's odd header length leaves it unaligned. */
function halfWords(bytes: Uint8Array<ArrayBuffer>): Uint16Array {
  const aligned = bytes.byteOffset % 2 === 0 ? bytes : bytes.slice();
  return new Uint16Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 2);
}

function words(bytes: Uint8Array<ArrayBuffer>): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
