/**
 * Blocks of MatMulNBits and GatherBlockQuantized as this project's own, without loss where they can be, else as f32.
 * https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
 */
import type { OnnxMatrix } from "./onnx-linear.ts";
import { unreadable } from "./onnx-linear.ts";
import { ONNX_TYPES } from "./onnx-graph.ts";
import { bytesOf, type TensorDtype } from "./tensor-store.ts";

const { u4, i4, u8, i8 } = ONNX_TYPES;

/** What `convertOnnxBlocks` gives. Checks that the parts fit each other. Throws `architecture-unknown`. */
export function blockDtype({ tensor, rows, k, blocks }: OnnxMatrix): TensorDtype {
  const { bits, block, scales, zeros } = blocks!;
  const perRow = Math.ceil(k / block);
  const count = rows * perRow;
  const isWhole = [rows, k, block].every((n) => Number.isSafeInteger(n) && n > 0);
  const floatZeros = zeros && !isPacked(zeros.type);
  const fits =
    isWhole &&
    (bits === 4 || bits === 8) &&
    [u4, i4, u8, i8].includes(tensor.type as 2) &&
    block % 2 === 0 &&
    tensor.bytes % rows === 0 &&
    tensor.bytes / rows >= Math.ceil((k * bits) / 8) &&
    scales.shape.reduce((a, b) => a * b, 1) === count &&
    !isPacked(scales.type) &&
    (!zeros || zeros.bytes >= (floatZeros ? 2 * count : Math.ceil((count * bits) / 8)));
  if (!fits)
    throw unreadable(`holds ${tensor.name} in ${bits}-bit blocks of ${block} that are not known`);
  if (block % 32 !== 0 || k % 32 !== 0 || floatZeros) return "F32";
  if (bits === 4) return "Q4";
  return zeros ? "F32" : "Q8";
}

function isPacked(type: number): boolean {
  return type === u4 || type === i4 || type === u8 || type === i8;
}

export interface BlockParts {
  /** Rows `first` to before `first + count` of the matrix. */
  readonly data: Uint8Array;
  /** Of the whole matrix. */
  readonly scales: Float32Array;
  /** As the file packs them, or as numbers. */
  readonly zeros: Uint8Array | Float32Array | undefined;
}

/** Rows of a matrix as `dtype`, which `blockDtype` said. */
export function convertOnnxBlocks(
  { tensor, rows, k, blocks }: OnnxMatrix,
  dtype: TensorDtype,
  { data, scales, zeros }: BlockParts,
  first: number,
  count: number,
): Uint8Array<ArrayBuffer> {
  const { bits, block, zero } = blocks!;
  const stride = tensor.bytes / rows;
  const perRow = Math.ceil(k / block);
  const isSigned = tensor.type === i4 || tensor.type === i8;
  // Signed numbers are unsigned ones with the first bit turned, about a zero point that is as much larger.
  const flip = isSigned ? (bits === 4 ? 8 : 128) : 0;
  // Rows of packed zero points end on a byte, but for types that are packed as a whole.
  const zeroStride =
    tensor.type === u4 || tensor.type === i4 ? perRow : Math.ceil((perRow * bits) / 8) * (8 / bits);
  const zeroOf = (row: number, at: number): number => {
    if (!zeros) return isSigned ? zero ^ flip : zero;
    if (zeros instanceof Float32Array) return zeros[row * perRow + at]! + flip;
    const i = row * zeroStride + at;
    const raw = bits === 8 ? zeros[i]! : (zeros[i >> 1]! >> (i % 2 ? 4 : 0)) & 15;
    return raw ^ flip;
  };
  const element = (row: number, i: number): number => {
    const raw =
      bits === 8
        ? data[row * stride + i]!
        : (data[row * stride + (i >> 1)]! >> (i % 2 ? 4 : 0)) & 15;
    return raw ^ flip;
  };
  const out = new Uint8Array(bytesOf(dtype, count * k));
  const view = new DataView(out.buffer);
  let to = 0;
  for (let row = 0; row < count; row++) {
    if (dtype === "F32") {
      for (let i = 0; i < k; i++, to += 4) {
        const at = Math.floor(i / block);
        const value =
          scales[(first + row) * perRow + at]! * (element(row, i) - zeroOf(first + row, at));
        view.setFloat32(to, value, true);
      }
      continue;
    }
    for (let i = 0; i < k; i += 32) {
      const at = Math.floor(i / block);
      view.setFloat32(to, scales[(first + row) * perRow + at]!, true);
      to += 4;
      const from = row * stride + (i * bits) / 8;
      if (dtype === "Q8") {
        // Unsigned bytes about 128 are signed ones with the first bit turned.
        const turn = isSigned ? 0 : 128;
        for (let j = 0; j < 32; j++) out[to++] = data[from + j]! ^ turn;
        continue;
      }
      view.setUint32(to, zeroOf(first + row, at), true);
      to += 4;
      for (let j = 0; j < 16; j++) out[to++] = data[from + j]! ^ (flip * 17);
    }
  }
  return out;
}
