/** Blocks of 32 weights as files give them, laid out as the GPU reads them (`shaders/shared/blocks.wgsl`). */
import { BLOCK, blockRow, type BlockType } from "../../kernels/index.ts";
import { exactF16 } from "./convert.ts";

export interface PackedRows {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The first block whose scale is no f16, or whose zero point is not 8, where `to` must have both. */
  readonly misfit: number | undefined;
  /** The first block whose scale is not finite. */
  readonly fault: number | undefined;
}

/** 32-bit words of a block in a file: `TensorDtype` has what they are. */
const WORDS = { Q8: 9, Q4: 6 } as const;

/** Whole rows of `k` weights, a multiple of 32, from `from` to `to`: without loss. Q8 does not become nibbles. */
export function packBlocks(
  bytes: Uint8Array<ArrayBuffer>,
  from: "Q8" | "Q4",
  to: BlockType,
  k: number,
): PackedRows {
  const input = words(bytes);
  const scales = new Float32Array(input.buffer, input.byteOffset, input.length);
  const row = blockRow(to, k);
  const perRow = k / BLOCK;
  const blocks = input.length / WORDS[from];
  const out = new Uint32Array(((blocks / perRow) * row.bytes) / 4);
  const wide = row.scaleBytes === 16;
  const bytewise = to === "q8" || to === "q8-wide";
  let misfit: number | undefined;
  let fault: number | undefined;
  for (let block = 0; block < blocks; block++) {
    const at = block * WORDS[from];
    const inRow = block % perRow;
    const half = inRow % 2;
    const rowAt = (Math.floor(block / perRow) * row.bytes) / 4;
    const groupAt = rowAt + (Math.floor(inRow / 2) * row.groupBytes) / 4;
    const zero = from === "Q4" ? input[at + 1]! : 0;
    if (from === "Q8") placeBytes(input, at + 1, out, groupAt + 2 * half);
    else if (bytewise) placeBytes(widenNibbles(input, at + 2, zero), 0, out, groupAt + 2 * half);
    else placeNibbles(input, at + 2, out, groupAt + 2 * half);

    const left = bytewise ? 0 : zero;
    if (!Number.isFinite(scales[at])) fault ??= block;
    const scaleAt = rowAt + (row.scalesAt + Math.floor(inRow / 2) * row.scaleBytes) / 4;
    if (wide) {
      out[scaleAt + half] = input[at]!;
      out[scaleAt + 2 + half] = left;
      continue;
    }
    const f16 = exactF16(input[at]!);
    if (f16 === undefined || (!bytewise && zero !== 8)) misfit ??= block;
    out[scaleAt]! |= (f16 ?? 0) << (16 * half);
  }
  return { bytes: new Uint8Array(out.buffer), misfit, fault };
}

/** Chunk c of a block, four bytes, is part of place c % 4. */
function placeBytes(input: Uint32Array, from: number, out: Uint32Array, to: number): void {
  for (let c = 0; c < 8; c++) out[to + (c % 4) * 4 + (c >> 2)] = input[from + c]!;
}

/** Chunk c of a block, four nibbles, is part of place c % 2. */
function placeNibbles(input: Uint32Array, from: number, out: Uint32Array, to: number): void {
  for (let pair = 0; pair < 2; pair++) {
    const [a, b] = [input[from + 2 * pair]!, input[from + 2 * pair + 1]!];
    out[to + pair] = (a & 0xffff) | (b << 16);
    out[to + 4 + pair] = (a >>> 16) | (b & 0xffff0000);
  }
}

const BYTES = new Uint32Array(8);

/** The nibbles of a block less its zero point, as signed bytes. */
function widenNibbles(input: Uint32Array, from: number, zero: number): Uint32Array {
  for (let c = 0; c < 8; c++) {
    const nibbles = input[from + (c >> 1)]! >>> (16 * (c % 2));
    let word = 0;
    for (let i = 0; i < 4; i++) word |= ((((nibbles >>> (4 * i)) & 15) - zero) & 255) << (8 * i);
    BYTES[c] = word;
  }
  return BYTES;
}

/** A view as 32-bit words; copied first where it is unaligned. */
function words(bytes: Uint8Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.byteLength / 4);
}
