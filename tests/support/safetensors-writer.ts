// Writes and reads safetensors for tests, on its own: it shares no code with the library's reader.
import { f16Bits, f16Value, roundToBf16, roundToF16 } from "./half.ts";

export type FileDtype = "F32" | "F16" | "BF16";

/** A tensor as numbers; `data` holds what the file holds, after rounding to `dtype`. */
export interface TestTensor {
  readonly dtype: FileDtype;
  readonly shape: readonly number[];
  readonly data: Float64Array<ArrayBuffer>;
}

const BYTES: Record<FileDtype, number> = { F32: 4, F16: 2, BF16: 2 };
const ROUND: Record<FileDtype, (x: number) => number> = {
  F32: Math.fround,
  F16: roundToF16,
  BF16: roundToBf16,
};

/** A tensor whose numbers are rounded to `dtype`. */
export function testTensor(
  dtype: FileDtype,
  shape: readonly number[],
  data: ArrayLike<number>,
): TestTensor {
  return { dtype, shape, data: Float64Array.from(data, ROUND[dtype]) };
}

function encode(tensor: TestTensor): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(tensor.data.length * BYTES[tensor.dtype]));
  tensor.data.forEach((value, i) => {
    if (tensor.dtype === "F32") view.setFloat32(i * 4, value, true);
    else if (tensor.dtype === "F16") view.setUint16(i * 2, f16Bits(value), true);
    else {
      const word = new DataView(new ArrayBuffer(4));
      word.setFloat32(0, value);
      view.setUint16(i * 2, word.getUint16(0), true);
    }
  });
  return new Uint8Array(view.buffer);
}

/** A file from a header object and the bytes after it; broken ones can be written too. */
export function rawSafetensors(
  header: unknown,
  data: Uint8Array = new Uint8Array(),
): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(
    typeof header === "string" ? header : JSON.stringify(header),
  );
  const file = new Uint8Array(8 + text.length + data.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(data, 8 + text.length);
  return file;
}

/** A whole file, with the tensors in the order given. */
export function writeSafetensors(
  tensors: Readonly<Record<string, TestTensor>>,
): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    const bytes = encode(tensor);
    header[name] = {
      dtype: tensor.dtype,
      shape: tensor.shape,
      data_offsets: [at, at + bytes.length],
    };
    parts.push(bytes);
    at += bytes.length;
  }
  const data = new Uint8Array(at);
  let cursor = 0;
  for (const part of parts) {
    data.set(part, cursor);
    cursor += part.length;
  }
  return rawSafetensors(header, data);
}

/** Inverse of `writeSafetensors`. */
export function readSafetensors(file: Uint8Array): Record<string, TestTensor> {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const length = Number(view.getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
    string,
    { dtype: FileDtype; shape: number[]; data_offsets: [number, number] }
  >;
  const tensors: Record<string, TestTensor> = {};
  for (const [name, { dtype, shape, data_offsets: range }] of Object.entries(header)) {
    if (name === "__metadata__") continue;
    const start = 8 + length + range[0];
    const data = new Float64Array((range[1] - range[0]) / BYTES[dtype]);
    for (let i = 0; i < data.length; i++) data[i] = element(view, dtype, start, i);
    tensors[name] = { dtype, shape, data };
  }
  return tensors;
}

function element(view: DataView, dtype: FileDtype, start: number, i: number): number {
  if (dtype === "F32") return view.getFloat32(start + i * 4, true);
  if (dtype === "F16") return f16Value(view.getUint16(start + i * 2, true));
  const word = new DataView(new ArrayBuffer(4));
  word.setUint16(0, view.getUint16(start + i * 2, true));
  return word.getFloat32(0);
}
