/**
 * A decoder that somebody else wrote as ONNX, with keys and values going in and out: `input_ids`, perhaps `attention_mask` and
 * `position_ids`, `past_key_values.N.key` and `.value`; `logits`, `present.N.key` and `.value`. Or, older, `past_N` and `present_N`, which
 * hold both. The session says which of these there are, of what type and shape.
 */
import { type InferenceSession, Tensor } from "onnxruntime-web/wasm";
import { CoppiceError } from "../errors.ts";
import type { CachedModel } from "./cached-model.ts";

type TensorValue = InferenceSession.TensorValueMetadata;

interface Cache {
  readonly past: string;
  readonly present: string;
  /** `[..., heads, length, headDim]`, or more tokens than `length` after a rewind. */
  tensor: Tensor;
}

/** The inputs that are neither tokens nor caches, by what they are fed. */
const KNOWN = ["input_ids", "attention_mask", "position_ids"] as const;

export class OnnxModel implements CachedModel {
  readonly vocabSize: number;
  readonly contextLength: number;
  length = 0;
  readonly #session: InferenceSession;
  readonly #inputs: ReadonlyMap<string, TensorValue>;
  readonly #caches: readonly Cache[];
  readonly #weightBytes: number;

  /** @throws CoppiceError `architecture-unknown` for a graph of another form. */
  constructor(
    session: InferenceSession,
    sizes: { readonly vocabSize: number; readonly contextLength: number; readonly bytes: number },
  ) {
    this.#session = session;
    this.vocabSize = sizes.vocabSize;
    this.contextLength = sizes.contextLength;
    this.#weightBytes = sizes.bytes;
    const tensors = session.inputMetadata.filter((one): one is TensorValue => one.isTensor);
    this.#inputs = new Map(tensors.map((one) => [one.name, one]));
    this.#caches = tensors.flatMap((one) => cacheOf(one, session.outputNames));
    const cached = new Set(this.#caches.map(({ past }) => past));
    const strange = session.inputNames.filter(
      (name) => !cached.has(name) && !(KNOWN as readonly string[]).includes(name),
    );
    if (!this.#inputs.has("input_ids")) throw notADecoder("has no input_ids");
    if (!session.outputNames.includes("logits")) throw notADecoder("has no logits");
    if (this.#caches.length === 0) throw notADecoder("takes no past_key_values");
    if (strange.length > 0) throw notADecoder(`asks for ${strange.join(", ")}`);
  }

  get bytes(): number {
    return this.#caches.reduce((sum, { tensor }) => sum + 4 * tensor.size, this.#weightBytes);
  }

  rewind(length: number): void {
    this.length = Math.min(this.length, length);
  }

  async run(tokens: readonly number[], wanted: number): Promise<Float32Array[]> {
    const rows = tokens.length;
    const past = this.length;
    const total = past + rows;
    const range = (count: number, first: number) =>
      Array.from({ length: count }, (_, i) => first + i);
    const feeds: Record<string, Tensor> = { input_ids: this.#integers("input_ids", tokens) };
    if (this.#inputs.has("attention_mask")) {
      feeds["attention_mask"] = this.#integers("attention_mask", range(total, 0).fill(1));
    }
    if (this.#inputs.has("position_ids")) {
      feeds["position_ids"] = this.#integers("position_ids", range(rows, past));
    }
    for (const cache of this.#caches) {
      cache.tensor = cutTo(cache.tensor, past);
      feeds[cache.past] = cache.tensor;
    }
    const out = await this.#session.run(feeds, [
      "logits",
      ...this.#caches.map(({ present }) => present),
    ]);
    for (const cache of this.#caches) cache.tensor = out[cache.present]!;
    this.length = total;
    const logits = floats(out["logits"]!);
    const first = logits.length / this.vocabSize - wanted;
    return Array.from({ length: wanted }, (_, i) =>
      logits.subarray((first + i) * this.vocabSize, (first + i + 1) * this.vocabSize),
    );
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }

  /** `[1, count]` of the type that the graph wants. */
  #integers(name: string, values: readonly number[]): Tensor {
    const dims = [1, values.length];
    const { type } = this.#inputs.get(name)!;
    if (type === "int32") return new Tensor("int32", Int32Array.from(values), dims);
    if (type === "int64") return new Tensor("int64", BigInt64Array.from(values, BigInt), dims);
    if (type === "float32") return new Tensor("float32", Float32Array.from(values), dims);
    throw notADecoder(`takes ${name} as ${type}`);
  }
}

const PAIRS = [
  { past: /^past_key_values\.(\d+\.(?:key|value))$/, present: "present." },
  { past: /^past_(\d+)$/, present: "present_" },
] as const;

/** One or none: the cache that an input is. */
function cacheOf({ name, type, shape }: TensorValue, outputs: readonly string[]): Cache[] {
  const pair = PAIRS.find(({ past }) => past.test(name));
  if (!pair) return [];
  const present = pair.present + pair.past.exec(name)![1]!;
  if (!outputs.includes(present)) throw notADecoder(`gives no ${present}`);
  // The batch is one text; the one before last is the tokens'.
  const dims = shape.map((size, i) =>
    i === shape.length - 2 ? 0 : typeof size === "number" ? size : 1,
  );
  const fixed = typeof shape.at(-1) === "number" && typeof shape.at(-3) === "number";
  if (!fixed || (type !== "float32" && type !== "float16")) {
    throw notADecoder(`has ${name} as ${type} [${shape.join(", ")}]`);
  }
  const data = type === "float16" ? new Uint16Array() : new Float32Array();
  return [{ past: name, present, tensor: cacheTensor(type, dims, data) }];
}

/** The first `length` tokens of `[..., tokens, headDim]`. */
function cutTo(tensor: Tensor, length: number): Tensor {
  const [tokens, headDim] = tensor.dims.slice(-2) as [number, number];
  if (tokens === length) return tensor;
  // f16 comes as a Float16Array where the browser has one, else as its bits.
  const data = tensor.data as Float32Array;
  const outer = data.length / (tokens * headDim);
  const kept = new (data.constructor as Float32ArrayConstructor)(outer * length * headDim);
  for (let i = 0; i < outer; i++) {
    const at = i * tokens * headDim;
    kept.set(data.subarray(at, at + length * headDim), i * length * headDim);
  }
  const dims = [...tensor.dims.slice(0, -2), length, headDim];
  return cacheTensor(tensor.type as "float32", dims, kept);
}

function cacheTensor(
  type: "float32" | "float16",
  dims: number[],
  data: Float32Array | Uint16Array,
): Tensor {
  return type === "float16"
    ? new Tensor("float16", data as Uint16Array, dims)
    : new Tensor("float32", data as Float32Array, dims);
}

function floats({ data, type }: Tensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (type === "float16") {
    return data instanceof Uint16Array
      ? Float32Array.from(data, halfNumber)
      : Float32Array.from(data as unknown as ArrayLike<number>);
  }
  throw notADecoder(`gives logits as ${type}`);
}

/** The number that 16 bits of IEEE 754 binary16 stand for. */
function halfNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const mantissa = bits & 1023;
  if (exponent === 31) return mantissa === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? mantissa * 2 ** -24 : (1024 + mantissa) * 2 ** (exponent - 25));
}

function notADecoder(problem: string): CoppiceError {
  return new CoppiceError(
    "architecture-unknown",
    `The model's ONNX file ${problem}.`,
    "Use a decoder exported with its past keys and values as inputs, such as optimum's text-generation-with-past.",
  );
}
