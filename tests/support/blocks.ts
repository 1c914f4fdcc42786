// Rows of weights in blocks as docs/kernels.md describes them, on their own: it shares no code with the library.
import type { WeightType } from "../../src/gpu/index.ts";
import { f16Bits, f16Value } from "./half.ts";

export type BlockType = Exclude<WeightType, "f32" | "f16">;

export const BLOCK = 32;

/** Up to 32 weights: each is `scale * (quant - zero)`. */
export interface Block {
  readonly scale: number;
  readonly zero: number;
  readonly quants: readonly number[];
}

/** Where the weight at `k` of a row has its integer: bits from the row's start. */
function quantBit(type: BlockType, k: number): number {
  const [group, chunk] = [Math.floor(k / 64), Math.floor((k % 64) / 4)];
  if (type.startsWith("q8")) {
    // Chunk c is part c / 4 of place c % 4; a place is 16 bytes, a part 4.
    const byte = group * 64 + (chunk % 4) * 16 + Math.floor(chunk / 4) * 4 + (k % 4);
    return byte * 8;
  }
  const nibble = group * 64 + (chunk % 2) * 32 + Math.floor(chunk / 2) * 4 + (k % 4);
  return nibble * 4;
}

function rowShape(type: BlockType, k: number) {
  const groups = Math.ceil(k / 64);
  const scalesAt = groups * (type.startsWith("q8") ? 64 : 32);
  const scaleBytes = type.endsWith("-wide") ? 16 : 4;
  return { scalesAt, scaleBytes, bytes: Math.ceil((scalesAt + groups * scaleBytes) / 16) * 16 };
}

/** Rows of blocks, all as long as the first, as the GPU gets them. */
export function encodeRows(type: BlockType, rows: readonly Block[][]): Uint8Array<ArrayBuffer> {
  const k = rows[0]!.reduce((sum, block) => sum + block.quants.length, 0);
  const { scalesAt, scaleBytes, bytes } = rowShape(type, k);
  const out = new Uint8Array(rows.length * bytes);
  const view = new DataView(out.buffer);
  for (const [r, blocks] of rows.entries()) {
    for (const [b, { scale, zero, quants }] of blocks.entries()) {
      const at = r * bytes + scalesAt + Math.floor(b / 2) * scaleBytes;
      if (type.endsWith("-wide")) {
        view.setFloat32(at + (b % 2) * 4, scale, true);
        view.setInt32(at + 8 + (b % 2) * 4, zero, true);
      } else {
        view.setUint16(at + (b % 2) * 2, f16Bits(scale), true);
      }
      for (const [i, quant] of quants.entries()) {
        const bit = quantBit(type, b * BLOCK + i);
        const byte = r * bytes + bit / 8;
        if (type.startsWith("q8")) view.setInt8(byte, quant);
        else out[Math.floor(byte)]! |= quant << (bit % 8);
      }
    }
  }
  return out;
}

/** The blocks of `rows` rows of `k` weights, read back. */
export function decodeRows(
  type: BlockType,
  data: Uint8Array<ArrayBuffer>,
  rows: number,
  k: number,
): Block[][] {
  const { scalesAt, scaleBytes, bytes } = rowShape(type, k);
  const view = new DataView(data.buffer, data.byteOffset);
  const wide = type.endsWith("-wide");
  return Array.from({ length: rows }, (_, r) =>
    Array.from({ length: Math.ceil(k / BLOCK) }, (__, b) => {
      const at = r * bytes + scalesAt + Math.floor(b / 2) * scaleBytes;
      const plainZero = type.startsWith("q8") ? 0 : 8;
      const quants = Array.from({ length: Math.min(BLOCK, k - b * BLOCK) }, (___, i) => {
        const bit = quantBit(type, b * BLOCK + i);
        const byte = r * bytes + Math.floor(bit / 8);
        return type.startsWith("q8") ? view.getInt8(byte) : (data[byte]! >> (bit % 8)) & 15;
      });
      return wide
        ? {
            scale: view.getFloat32(at + (b % 2) * 4, true),
            zero: view.getInt32(at + 8 + (b % 2) * 4, true),
            quants,
          }
        : { scale: f16Value(view.getUint16(at + (b % 2) * 2, true)), zero: plainZero, quants };
    }),
  );
}

/** The numbers that rows of blocks hold. */
export function blockValues(rows: readonly Block[][]): number[] {
  return rows.flatMap((blocks) =>
    blocks.flatMap(({ scale, zero, quants }) => quants.map((q) => scale * (q - zero))),
  );
}

/** Rows of whole blocks as files give them: Q8 is an f32 scale and 32 bytes; Q4 an f32 scale, a u32 zero point, 16 bytes of nibbles. */
export function encodeFileBlocks(
  type: "Q8" | "Q4",
  rows: readonly (readonly Block[])[],
): Uint8Array<ArrayBuffer> {
  const blocks = rows.flat();
  const size = type === "Q8" ? 36 : 24;
  const view = new DataView(new ArrayBuffer(blocks.length * size));
  for (const [b, { scale, zero, quants }] of blocks.entries()) {
    const at = b * size;
    view.setFloat32(at, scale, true);
    if (type === "Q4") view.setUint32(at + 4, zero, true);
    for (let i = 0; i < 32; i++) {
      if (type === "Q8") view.setInt8(at + 4 + i, quants[i]!);
      else if (i % 2) view.setUint8(at + 8 + (i >> 1), quants[i - 1]! | (quants[i]! << 4));
    }
  }
  return new Uint8Array(view.buffer);
}
