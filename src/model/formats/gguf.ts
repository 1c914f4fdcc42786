/**
 * The header of a GGUF file, versions 1 to 3, read as untrusted bytes: no count in it is believed before it
 * has been held against the bytes that are left. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
 */
import type { TensorFile } from "../source/types.ts";
import { elementsOf, invalid } from "./tensor-store.ts";

/** Numbers of an array are in a typed array, whichever type the file had; 64-bit ones lose what is beyond 2^53. */
export type GgufValue = number | boolean | string | readonly GgufValue[] | Float64Array;

export interface GgufTensor {
  readonly name: string;
  /** ggml's number of the element type. */
  readonly type: number;
  /** Rows first; the file has it the other way round. */
  readonly shape: readonly number[];
  /** First byte in the file. */
  readonly start: number;
}

export interface GgufHeader {
  readonly metadata: ReadonlyMap<string, GgufValue>;
  /** By place in the file. */
  readonly tensors: readonly GgufTensor[];
}

const MAGIC = 0x46554747; // "GGUF"
const MAX_HEADER_BYTES = 2 ** 28;
const MAX_DIMENSIONS = 4;
const MAX_DEPTH = 4;
const MAX_ALIGNMENT = 2 ** 20;
const STRING = 8;
const ARRAY = 9;
/** Bytes per value of each type; of a string or an array, the least that one can have. */
const VALUE_BYTES = [1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8];

/** The bytes at hand end before the header does. */
class MoreNeeded extends Error {}

/**
 * Reads the header.
 * @throws CoppiceError `weights-invalid` for anything that is not a well-formed header.
 */
export async function readGgufHeader(file: TensorFile): Promise<GgufHeader> {
  const limit = Math.min(file.size ?? Infinity, MAX_HEADER_BYTES);
  // A server that does not say how long the file is must not be asked for what is beyond its end.
  const growth = file.size === undefined ? 1.5 : 2;
  let bytes = new Uint8Array();
  for (let wanted = file.size === undefined ? 4096 : 2 ** 20; ; wanted *= growth) {
    const end = Math.min(Math.floor(wanted), limit);
    const longer = new Uint8Array(end);
    longer.set(bytes);
    longer.set(await file.read(bytes.length, end), bytes.length);
    bytes = longer;
    try {
      return new HeaderReader(file.name, bytes, file.size ?? Infinity).header();
    } catch (error) {
      if (!(error instanceof MoreNeeded)) throw error;
      if (end < limit) continue;
      throw invalid(file.name, `is cut short: its header does not end within ${end} bytes`);
    }
  }
}

class HeaderReader {
  readonly #file: string;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #size: number;
  readonly #text = new TextDecoder();
  #at = 0;
  /** Bytes of a count: 4 in version 1. */
  #word = 8;

  constructor(file: string, bytes: Uint8Array<ArrayBuffer>, size: number) {
    this.#file = file;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
    this.#size = size;
  }

  header(): GgufHeader {
    if (this.#size < 24 || this.#u32() !== MAGIC) throw this.#wrong("is not a GGUF file");
    const version = this.#u32();
    if (version < 1 || version > 3) {
      throw this.#wrong(
        `is GGUF version ${version}${version > 0xffff ? " (big-endian?)" : ""}; 1 to 3 can be read`,
      );
    }
    if (version === 1) this.#word = 4;
    const tensorCount = this.#count(this.#word * 2 + 8);
    const metadata = this.#metadata(this.#count(this.#word + 5));
    const alignment = metadata.get("general.alignment") ?? 32;
    const isGood =
      typeof alignment === "number" &&
      alignment >= 1 &&
      alignment <= MAX_ALIGNMENT &&
      Number.isInteger(alignment);
    if (!isGood) throw this.#wrong(`has an alignment of ${JSON.stringify(alignment)}`);
    const tensors: GgufTensor[] = [];
    const names = new Set<string>();
    for (let i = 0; i < tensorCount; i++) {
      const tensor = this.#tensor();
      if (names.has(tensor.name)) throw this.#wrong(`has tensor "${tensor.name}" twice`);
      names.add(tensor.name);
      tensors.push(tensor);
    }
    const dataStart = Math.ceil(this.#at / alignment) * alignment;
    const placed = tensors.map((tensor) => ({ ...tensor, start: dataStart + tensor.start }));
    return { metadata, tensors: placed.sort((a, b) => a.start - b.start) };
  }

  #metadata(count: number): Map<string, GgufValue> {
    const metadata = new Map<string, GgufValue>();
    for (let i = 0; i < count; i++) {
      const key = this.#string();
      if (metadata.has(key)) throw this.#wrong(`says "${key}" twice`);
      metadata.set(key, this.#value(this.#u32(), 0));
    }
    return metadata;
  }

  #tensor(): GgufTensor {
    const name = this.#string();
    const dimensions = this.#u32();
    if (dimensions > MAX_DIMENSIONS) {
      throw this.#wrong(`gives tensor "${name}" ${dimensions} dimensions`);
    }
    const shape = Array.from({ length: dimensions }, () => this.#long()).toReversed();
    if (Number.isNaN(elementsOf(shape))) {
      throw this.#wrong(`gives tensor "${name}" the shape [${shape.join(", ")}]`);
    }
    const type = this.#u32();
    // 64 bits in version 1, too.
    const start = this.#number(10) as number;
    if (!Number.isSafeInteger(start)) throw this.#wrong(`has tensor "${name}" at byte ${start}`);
    return { name, shape, type, start };
  }

  #value(type: number, depth: number): GgufValue {
    if (type === STRING) return this.#string();
    if (type !== ARRAY) return this.#number(type);
    const inner = this.#u32();
    const bytes = inner === STRING ? this.#word : VALUE_BYTES[inner];
    if (bytes === undefined || depth >= MAX_DEPTH) {
      throw this.#wrong(`has an array of values of type ${inner}, ${depth} arrays deep`);
    }
    const count = this.#count(inner === ARRAY ? this.#word + 4 : bytes);
    if (inner !== STRING && inner !== ARRAY && inner !== 7) {
      this.#need(count * bytes);
      const numbers = new Float64Array(count);
      for (let i = 0; i < count; i++) numbers[i] = this.#number(inner) as number;
      return numbers;
    }
    const values: GgufValue[] = [];
    for (let i = 0; i < count; i++) values.push(this.#value(inner, depth + 1));
    return values;
  }

  #number(type: number): number | boolean {
    const bytes = VALUE_BYTES[type];
    if (bytes === undefined) throw this.#wrong(`has a value of type ${type}`);
    const at = this.#take(bytes);
    const view = this.#view;
    switch (type) {
      case 0:
        return view.getUint8(at);
      case 1:
        return view.getInt8(at);
      case 2:
        return view.getUint16(at, true);
      case 3:
        return view.getInt16(at, true);
      case 4:
        return view.getUint32(at, true);
      case 5:
        return view.getInt32(at, true);
      case 6:
        return view.getFloat32(at, true);
      case 7:
        return view.getUint8(at) !== 0;
      case 12:
        return view.getFloat64(at, true);
      default: {
        const high = type === 10 ? view.getUint32(at + 4, true) : view.getInt32(at + 4, true);
        return high * 2 ** 32 + view.getUint32(at, true);
      }
    }
  }

  #string(): string {
    const at = this.#take(this.#count(1));
    return this.#text.decode(this.#bytes.subarray(at, this.#at));
  }

  /** How many things follow, each of at least so many bytes. */
  #count(bytes: number): number {
    const count = this.#long();
    if (count * bytes > this.#size - this.#at || count > MAX_HEADER_BYTES) {
      throw this.#wrong(`counts ${count} where ${this.#size - this.#at} bytes are left`);
    }
    return count;
  }

  #long(): number {
    return this.#number(this.#word === 4 ? 4 : 10) as number;
  }

  #u32(): number {
    return this.#number(4) as number;
  }

  #take(bytes: number): number {
    this.#need(bytes);
    this.#at += bytes;
    return this.#at - bytes;
  }

  #need(bytes: number): void {
    if (bytes > this.#size - this.#at) throw this.#wrong("is cut short within its header");
    if (bytes > this.#bytes.length - this.#at) throw new MoreNeeded();
  }

  #wrong(problem: string): Error {
    return invalid(this.#file, problem);
  }
}
