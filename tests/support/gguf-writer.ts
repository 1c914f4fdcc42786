// Writes GGUF files for tests, on its own: it shares no code with the library's reader.
import { f16Bits, roundToF16 } from "./half.ts";
import type { TestTensor } from "./safetensors-writer.ts";

/** A metadata value with its type. */
export type GgufField =
  | { readonly u32: number }
  | { readonly f32: number }
  | { readonly bool: boolean }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly f32s: readonly number[] }
  | { readonly i32s: readonly number[] };

export interface GgufTensorData {
  readonly name: string;
  readonly type: number;
  /** Rows first. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

class Bytes {
  readonly parts: Uint8Array[] = [];
  length = 0;
  add(bytes: Uint8Array): this {
    this.parts.push(bytes);
    this.length += bytes.length;
    return this;
  }
  number(size: number, set: (view: DataView) => void): this {
    const view = new DataView(new ArrayBuffer(size));
    set(view);
    return this.add(new Uint8Array(view.buffer));
  }
  u32(value: number): this {
    return this.number(4, (view) => view.setUint32(0, value, true));
  }
  f32(value: number): this {
    return this.number(4, (view) => view.setFloat32(0, value, true));
  }
  u64(value: number): this {
    return this.number(8, (view) => view.setBigUint64(0, BigInt(value), true));
  }
  pad(to: number): this {
    return this.add(new Uint8Array((to - (this.length % to)) % to));
  }
  all(): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.parts) {
      out.set(part, at);
      at += part.length;
    }
    return out;
  }
}

export function writeGguf(
  metadata: Readonly<Record<string, GgufField>>,
  tensors: readonly GgufTensorData[],
  version = 3,
): Uint8Array<ArrayBuffer> {
  const out = new Bytes();
  const count = (n: number): Bytes => (version === 1 ? out.u32(n) : out.u64(n));
  const text = (value: string): void => {
    const bytes = new TextEncoder().encode(value);
    count(bytes.length);
    out.add(bytes);
  };
  const list = (type: number, values: readonly unknown[]): void => {
    out.u32(9).u32(type);
    count(values.length);
  };
  out.add(new TextEncoder().encode("GGUF")).u32(version);
  count(tensors.length);
  count(Object.keys(metadata).length);
  for (const [key, field] of Object.entries(metadata)) {
    text(key);
    if ("u32" in field) out.u32(4).u32(field.u32);
    else if ("f32" in field) out.u32(6).f32(field.f32);
    else if ("bool" in field) out.u32(7).add(Uint8Array.of(field.bool ? 1 : 0));
    else if ("text" in field) {
      out.u32(8);
      text(field.text);
    } else if ("texts" in field) {
      list(8, field.texts);
      field.texts.forEach(text);
    } else if ("f32s" in field) {
      list(6, field.f32s);
      field.f32s.forEach((value) => out.f32(value));
    } else {
      list(5, field.i32s);
      field.i32s.forEach((value) => out.number(4, (view) => view.setInt32(0, value, true)));
    }
  }
  let offset = 0;
  for (const { name, type, shape, bytes } of tensors) {
    text(name);
    out.u32(shape.length);
    for (const size of shape.toReversed()) count(size);
    out.u32(type).u64(offset);
    offset += Math.ceil(bytes.length / 32) * 32;
  }
  out.pad(32);
  for (const { bytes } of tensors) out.add(bytes).pad(32);
  return out.all();
}

/** Numbers as the file types that a test writes; K-quants are made of random bytes instead. */
export const GGUF_ENCODERS = {
  F32: {
    type: 0,
    block: 1,
    encode: (x: Float64Array) => new Uint8Array(Float32Array.from(x).buffer),
  },
  F16: {
    type: 1,
    block: 1,
    encode: (x: Float64Array) =>
      new Uint8Array(Uint16Array.from(x, (v) => f16Bits(roundToF16(v))).buffer),
  },
  Q8_0: { type: 8, block: 32, encode: (x: Float64Array) => blocks(x, 34, q8) },
  Q4_0: { type: 2, block: 32, encode: (x: Float64Array) => blocks(x, 18, q4) },
} as const;

export type GgufEncoding = keyof typeof GGUF_ENCODERS;

function blocks(
  x: Float64Array,
  size: number,
  write: (block: Float64Array, view: DataView, at: number) => void,
): Uint8Array {
  const view = new DataView(new ArrayBuffer((x.length / 32) * size));
  for (let i = 0; i * 32 < x.length; i++) write(x.subarray(i * 32, i * 32 + 32), view, i * size);
  return new Uint8Array(view.buffer);
}

const largest = (x: Float64Array): number => x.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
const clamp = (x: number, from: number, to: number): number =>
  Math.min(to, Math.max(from, Math.round(x)));

function q8(x: Float64Array, view: DataView, at: number): void {
  const scale = largest(x) / 127 || 1;
  view.setUint16(at, f16Bits(roundToF16(scale)), true);
  x.forEach((value, i) => view.setInt8(at + 2 + i, clamp(value / scale, -127, 127)));
}

function q4(x: Float64Array, view: DataView, at: number): void {
  const scale = largest(x) / 8 || 1;
  view.setUint16(at, f16Bits(roundToF16(scale)), true);
  const nibble = (i: number): number => clamp(x[i]! / scale + 8, 0, 15);
  for (let i = 0; i < 16; i++) view.setUint8(at + 2 + i, nibble(i) | (nibble(i + 16) << 4));
}

const NAMES: readonly [RegExp, string][] = [
  [/^model\.embed_tokens\./, "token_embd."],
  [/^model\.norm\./, "output_norm."],
  [/^lm_head\./, "output."],
  [/^model\.layers\.(\d+)\.input_layernorm\./, "blk.$1.attn_norm."],
  [/^model\.layers\.(\d+)\.post_attention_layernorm\./, "blk.$1.ffn_norm."],
  [/^model\.layers\.(\d+)\.self_attn\.([qkv])_proj\./, "blk.$1.attn_$2."],
  [/^model\.layers\.(\d+)\.self_attn\.o_proj\./, "blk.$1.attn_output."],
  [/^model\.layers\.(\d+)\.mlp\.(gate|up|down)_proj\./, "blk.$1.ffn_$2."],
];

/** A Llama's tensors as llama.cpp's conversion writes them: other names, rotary rows in pairs, vectors in f32. */
export function llamaToGguf(
  tensors: Readonly<Record<string, TestTensor>>,
  heads: { readonly q: number; readonly k: number },
  encoding: GgufEncoding,
): GgufTensorData[] {
  return Object.entries(tensors).map(([name, { shape, data }]) => {
    const rule = NAMES.find(([pattern]) => pattern.test(name))!;
    const rotary = /\.([qk])_proj\./.exec(name)?.[1] as "q" | "k" | undefined;
    const rows = rotary ? interleave(data, shape[0]! / heads[rotary], shape[1]!) : data;
    const fits = shape.length === 2 && shape[1]! % GGUF_ENCODERS[encoding].block === 0;
    const { type, encode } = GGUF_ENCODERS[fits ? encoding : "F32"];
    return { name: name.replace(...rule), type, shape, bytes: encode(rows) };
  });
}

/** Rows of each head: 0, d/2, 1, d/2 + 1, ... */
function interleave(data: Float64Array, headDim: number, k: number): Float64Array<ArrayBuffer> {
  const out = new Float64Array(data.length);
  for (let row = 0; row < data.length / k; row++) {
    const [head, place] = [Math.floor(row / headDim), row % headDim];
    const from = head * headDim + Math.floor(place / 2) + (place % 2) * (headDim / 2);
    out.set(data.subarray(from * k, from * k + k), row * k);
  }
  return out;
}
