/**
 * Protocol buffers as ONNX files use them, read as untrusted bytes. A file may hold gigabytes of weights between
 * its fields, so it is walked in place: small messages are read, weights are only located.
 * https://protobuf.dev/programming-guides/encoding, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import type { TensorFile } from "../source/types.ts";
import { invalid } from "./tensor-store.ts";

/** Field numbers, by message. */
export const ONNX_FIELDS = {
  model: { graph: 7 },
  graph: { node: 1, initializer: 5, input: 11, output: 12 },
  node: { input: 1, output: 2, opType: 4, attribute: 5 },
  attribute: { name: 1, i: 3, ints: 8 },
  tensor: { dims: 1, type: 2, floats: 4, name: 8, raw: 9, external: 13, location: 14 },
  entry: { key: 1, value: 2 },
  valueInfo: { name: 1 },
} as const;

/** One field of a message in memory: a number, or bytes for whatever has a length. */
export type ProtoField =
  | { readonly id: number; readonly number: number }
  | { readonly id: number; readonly bytes: Uint8Array };

/** What the bytes cannot be a message for. */
export class ProtoFault extends Error {}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;

/** The fields of a message in memory. Numbers of 64 bits lose what is beyond 2^53; negative ones become large. */
export function* protoFields(bytes: Uint8Array): Generator<ProtoField> {
  const cursor = { at: 0 };
  while (cursor.at < bytes.length) {
    const tag = varint(bytes, cursor);
    const id = Math.floor(tag / 8);
    const wire = tag % 8;
    if (wire === VARINT) {
      yield { id, number: varint(bytes, cursor) };
      continue;
    }
    const length = wire === BYTES ? varint(bytes, cursor) : fixedBytes(wire);
    const start = cursor.at;
    if (length > bytes.length - start) throw new ProtoFault("a field longer than its message");
    cursor.at += length;
    yield { id, bytes: bytes.subarray(start, cursor.at) };
  }
}

/** A list of numbers, whether it is packed or comes one by one. */
export function protoNumbers(field: ProtoField): number[] {
  if ("number" in field) return [field.number];
  const cursor = { at: 0 };
  const numbers: number[] = [];
  while (cursor.at < field.bytes.length) numbers.push(varint(field.bytes, cursor));
  return numbers;
}

const DECODER = new TextDecoder();
export function protoText(field: ProtoField): string {
  return "bytes" in field ? DECODER.decode(field.bytes) : "";
}

function varint(bytes: Uint8Array, cursor: { at: number }): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw new ProtoFault("a number that goes on past its end");
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new ProtoFault("a number of more than ten bytes");
}

function fixedBytes(wire: number): number {
  if (wire === FIXED64) return 8;
  if (wire === FIXED32) return 4;
  throw new ProtoFault(`a field of wire type ${wire}`);
}

/** A field of a message in a file: a number, or a place. */
export interface PlacedField {
  readonly id: number;
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

const WINDOW = 2 ** 16;
/** Tag and length or number. */
const MOST_HEAD = 20;
/** A message that is read whole: a node, with the constants in it. */
const MAX_MESSAGE = 2 ** 26;

/** Walks messages in a file without reading what is skipped. */
export class ProtoFile {
  readonly #file: TensorFile;
  #window = new Uint8Array();
  #windowStart = 0;

  constructor(file: TensorFile) {
    this.#file = file;
  }

  /** The field at `at` of a message that ends at `end` (Infinity for a file of unknown length). */
  async field(at: number, end: number): Promise<PlacedField> {
    const head = await this.#bytes(at, Math.min(at + MOST_HEAD, end), end);
    const cursor = { at: 0 };
    const tag = varint(head, cursor);
    const wire = tag % 8;
    const number = wire === VARINT || wire === BYTES ? varint(head, cursor) : 0;
    const start = at + cursor.at;
    const length = wire === VARINT ? 0 : wire === BYTES ? number : fixedBytes(wire);
    if (length > end - start) throw new ProtoFault("a field longer than its message");
    return { id: Math.floor(tag / 8), number, start, end: start + length };
  }

  /** The bytes of a message. */
  async message({ start, end }: PlacedField): Promise<Uint8Array> {
    if (end - start > MAX_MESSAGE) {
      throw new ProtoFault(`a node or name of ${end - start} bytes`);
    }
    return this.#bytes(start, end, end);
  }

  /** `start` to `end`, reading on to at most `limit`. */
  async #bytes(start: number, end: number, limit: number): Promise<Uint8Array> {
    const [from, to] = [this.#windowStart, this.#windowStart + this.#window.length];
    if (start < from || end > to) {
      const ahead = limit === Infinity ? end : Math.min(limit, start + WINDOW);
      this.#window = await this.#file.read(start, Math.max(end, ahead));
      this.#windowStart = start;
    }
    return this.#window.subarray(start - this.#windowStart, end - this.#windowStart);
  }
}

/** Runs `read`; faults of the format become `weights-invalid` about the file. */
export async function withFaults<T>(file: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ProtoFault)) throw error;
    throw invalid(file, `is no ONNX model, or a damaged one: it has ${error.message}`);
  }
}
