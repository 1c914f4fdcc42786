// Damaged files of every format: each loads or is refused by name, in bounded memory and a bounded number of reads.
import * as fc from "fast-check";
import { CoppiceError } from "../../src/errors.ts";
import { parseModelConfig } from "../../src/model/config.ts";
import { openModelFiles, openStore } from "../../src/model/formats/open-store.ts";
import type { TensorDtype } from "../../src/model/formats/tensor-store.ts";
import { bytesOf } from "../../src/model/formats/tensor-store.ts";
import { openSource } from "../../src/model/source/index.ts";
import { convertTensor } from "../../src/model/weights/convert.ts";
import type { ModelFiles } from "../../src/model/source/index.ts";
import { bpeFields, STORIES_FIELDS } from "./gguf-models.ts";
import { llamaToGguf, writeGguf } from "./gguf-writer.ts";
import { onnxLlama, type OnnxModelOptions } from "./onnx-models.ts";
import { writeOnnx } from "./onnx-writer.ts";
import { tinyModel } from "./tiny-model.ts";

export type FuzzFormat = "safetensors" | "gguf" | "onnx";
type Bytes = Uint8Array<ArrayBuffer>;

/** `at` is a share: of the first bytes below a half, of the whole file above. */
export type Mutation =
  | { readonly kind: "byte" | "word" | "long" | "bit"; readonly at: number; readonly value: number }
  | { readonly kind: "cut" | "drop" | "repeat"; readonly at: number; readonly value: number };

/** What a file may be refused with. */
const CODES: ReadonlySet<string> = new Set([
  "weights-invalid",
  "tensor-invalid",
  "tokenizer-invalid",
  "config-invalid",
  "architecture-unknown",
  "file-missing",
]);

const MODEL = tinyModel({
  layers: 1,
  hidden: 32,
  intermediate: 32,
  heads: 4,
  kvHeads: 2,
  vocab: 12,
});
const ENDS = {
  "tokenizer.ggml.bos_token_id": { u32: 1 },
  "tokenizer.ggml.eos_token_id": { u32: 2 },
};
const TOKENS = Array.from({ length: 12 }, (_, i) =>
  String.fromCodePoint(97 + i).repeat(1 + (i % 3)),
);
const PIECES = {
  "tokenizer.ggml.model": { text: "llama" },
  "tokenizer.ggml.tokens": { texts: TOKENS },
  "tokenizer.ggml.scores": { f32s: TOKENS.map((_, i) => -i) },
  "tokenizer.ggml.token_type": { i32s: TOKENS.map((_, i) => (i < 3 ? 3 : 1)) },
};

function gguf(encoding: "F32" | "Q8_0" | "Q4_0", version: number, tokenizer: object): Bytes {
  const tensors = llamaToGguf(MODEL.tensors, { q: 4, k: 2 }, encoding);
  const sizes = {
    "llama.embedding_length": { u32: 32 },
    "llama.block_count": { u32: 1 },
    "llama.feed_forward_length": { u32: 32 },
    "llama.rope.dimension_count": { u32: 8 },
    "llama.attention.head_count": { u32: 4 },
    "llama.attention.head_count_kv": { u32: 2 },
  };
  return writeGguf({ ...STORIES_FIELDS, ...sizes, ...ENDS, ...tokenizer }, tensors, version);
}

function onnx(options: Partial<OnnxModelOptions>): Bytes {
  const all = { layers: 1, heads: { q: 4, kv: 2 }, type: "f32", ...options } as const;
  return writeOnnx(onnxLlama(MODEL.tensors, all).graph).model;
}

/** Files that load, to be damaged. */
export const FUZZ_SEEDS: Readonly<Record<FuzzFormat, readonly Bytes[]>> = {
  safetensors: [MODEL.files["model.safetensors"]!],
  gguf: [
    gguf("F32", 3, PIECES),
    gguf("Q8_0", 2, PIECES),
    gguf("Q4_0", 1, bpeFields(TOKENS, ["a b", "b c"], "qwen2")),
  ],
  onnx: [
    onnx({ type: "q4", zeros: true }),
    onnx({ type: "f16", packed: true }),
    onnx({ type: "f32", spelledOut: true }),
    onnx({ type: "q8", block: 16 }),
  ],
};

const HEAD = 4096;
/** Whole numbers are drawn evenly; floats would nearly all be next to 0. */
const SHARES = 2 ** 30;
const EXTREMES = [0, 1, 127, 128, 255, 256, 0x7fffffff, 0x80000000, 0xffffffff];

/** A seed's number and what is done to it. */
export const fuzzCase = fc.record({
  seed: fc.nat(),
  mutations: fc.array(
    fc.record({
      kind: fc.constantFrom("byte", "word", "long", "bit", "byte", "bit", "cut", "drop", "repeat"),
      at: fc.nat(SHARES - 1).map((n) => n / SHARES),
      value: fc.oneof(fc.constantFrom(...EXTREMES), fc.nat(0xffff)),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

export function mutate(bytes: Bytes, mutations: readonly Mutation[]): Bytes {
  let file = bytes.slice();
  for (const { kind, at: share, value } of mutations) {
    // Half of the damage is where headers are.
    const range = share < 0.5 ? Math.min(HEAD, file.length) : file.length;
    const at = Math.floor(((share * 2) % 1) * range);
    const view = new DataView(file.buffer);
    const span = value % 64;
    if (kind === "byte" && at < file.length) file[at] = value;
    else if (kind === "bit" && at < file.length) file[at]! ^= 1 << (value % 8);
    else if (kind === "word" && at + 4 <= file.length) view.setUint32(at, value, true);
    else if (kind === "long" && at + 8 <= file.length) {
      view.setUint32(at, value, true);
      view.setUint32(at + 4, EXTREMES[value % EXTREMES.length]!, true);
    } else if (kind === "cut") file = file.slice(0, at);
    else if (kind === "drop") file = joined(file.subarray(0, at), file.subarray(at + span));
    else if (kind === "repeat") file = joined(file.subarray(0, at + span), file.subarray(at));
  }
  return file;
}

function joined(a: Uint8Array, b: Uint8Array): Bytes {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

const NAMES: Readonly<Record<FuzzFormat, string>> = {
  safetensors: "model.safetensors",
  gguf: "m.gguf",
  onnx: "m.onnx",
};

export interface FuzzOutcome {
  /** The error's code; undefined: it loaded, and all of it was read. */
  readonly code: string | undefined;
  /** The largest typed array that was asked for, in bytes. */
  readonly largest: number;
  /** Bytes read, with repetitions. */
  readonly read: number;
}

/**
 * What the library makes of a file. Throws for anything but success or a typed error with a fitting code, and for
 * memory beyond the size of the file: 16 times it (an f32 of half a byte, in f64) and 64 kB.
 */
export async function tryFile(format: FuzzFormat, bytes: Bytes): Promise<FuzzOutcome> {
  let read = 0;
  const count = (size: number): void => void (read += size);
  const watch = watchAllocations();
  let code: string | undefined;
  try {
    await readAll(format, bytes, count);
  } catch (error) {
    if (!CoppiceError.isInstance(error) || !CODES.has(error.code) || error.fix === "") throw error;
    code = error.code;
  } finally {
    watch.stop();
  }
  const most = 16 * bytes.length + 65_536;
  if (watch.largest() > most)
    throw new Error(`${watch.largest()} bytes for a file of ${bytes.length}`);
  if (read > 64 * most) throw new Error(`${read} bytes read of a file of ${bytes.length}`);
  return { code, largest: watch.largest(), read };
}

async function readAll(
  format: FuzzFormat,
  bytes: Bytes,
  count: (n: number) => void,
): Promise<void> {
  const name = NAMES[format];
  const folder = await openSource({ files: { [name]: bytes } });
  const files = await openModelFiles(counted(folder, count), name);
  const config = await files.json("config.json");
  if (config !== undefined) parseModelConfig(config);
  const store = await openStore(files, { heads: 4, kvHeads: 2, gainOffset: 0, dtype: "auto" });
  for (const tensor of store.tensors.values()) {
    const size = tensor.shape.reduce((a, b) => a * b, 1);
    // The plan asks for tensors of known types and the shapes of the model only.
    if (!/^([BF]+\d+|Q[48])$/.test(tensor.dtype) || size > 8 * bytes.length) continue;
    const got = await store.read(tensor, 0, size);
    const wanted = bytesOf(tensor.dtype as TensorDtype, size);
    if (got.length !== wanted)
      throw new Error(`${tensor.name}: ${got.length}, not ${wanted} bytes`);
  }
  store.dispose();
}

function counted(files: ModelFiles, count: (bytes: number) => void): ModelFiles {
  return {
    label: files.label,
    json: (name) => files.json(name),
    async open(name) {
      const file = await files.open(name);
      if (!file) return undefined;
      return {
        name: file.name,
        size: file.size,
        read(start, end) {
          count(Math.max(0, end - start));
          return file.read(start, end);
        },
        dispose: () => file.dispose(),
      };
    },
  };
}

// A table of all f16, made once, is no memory of one file.
convertTensor(new Uint8Array(2), "F16", "f32");

const KINDS = [
  "Uint8Array",
  "Uint16Array",
  "Uint32Array",
  "Float32Array",
  "Float64Array",
  "ArrayBuffer",
] as const;

/** Notes the largest typed array made by its length, until it is stopped. */
function watchAllocations(): { largest(): number; stop(): void } {
  let largest = 0;
  const globals = globalThis as unknown as Record<string, new (...args: unknown[]) => object>;
  const originals = KINDS.map((name) => [name, globals[name]!] as const);
  for (const [name, original] of originals) {
    const size = (original as unknown as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    globals[name] = new Proxy(original, {
      construct(target, args: unknown[]) {
        const [length] = args;
        // What is no length at all would make an empty array, and hide a mistake.
        if (Number.isNaN(length)) largest = Infinity;
        else if (typeof length === "number") largest = Math.max(largest, length * size);
        return Reflect.construct(target, args) as object;
      },
    });
  }
  return {
    largest: () => largest,
    stop() {
      for (const [name, original] of originals) globals[name] = original;
    },
  };
}
