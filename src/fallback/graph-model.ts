/** A model whose graph was written here, on ORT: keys and values stay on this side, in the order of their positions. */
import { InferenceSession, Tensor } from "onnxruntime-web/wasm";
import type { ModelConfig } from "../model/config.ts";
import { ropeTable } from "../model/rope.ts";
import type { RopeConfig } from "../model/rope-config.ts";
import type { CachedModel } from "./cached-model.ts";
import { distinctAngles, distinctWindows } from "./layer-kinds.ts";
import { angleNames, cacheNames, INPUT, LOGITS, maskName, modelGraph } from "./model-graph.ts";
import { writeOnnx } from "./onnx-writer.ts";

/** What a weight of the model is, as f32 in the machine's byte order. */
export type WeightReader = (name: string, bytes: number) => Promise<Uint8Array>;

/** A sum over the tokens seen is the same to the bit however many of them are padding, as long as all come in such blocks. */
const BLOCK = 16;
/** What is added to the score of what a row does not see: exp of it is 0. */
const UNSEEN = -3e38;
/** Positions that a cache begins with room for; it doubles. */
const FIRST_ROOM = 256;

export class GraphModel implements CachedModel {
  readonly vocabSize: number;
  readonly contextLength: number;
  length = 0;
  readonly #config: ModelConfig;
  readonly #session: InferenceSession;
  /** One table per way to rotate. */
  readonly #rope: readonly Float32Array[];
  readonly #weightBytes: number;
  /** Keys and values of each layer, `[room, kvHeads, headDim]`. */
  readonly #caches: { keys: Float32Array; values: Float32Array }[];

  private constructor(
    config: ModelConfig,
    contextLength: number,
    session: InferenceSession,
    weightBytes: number,
  ) {
    this.#config = config;
    this.#session = session;
    this.#weightBytes = weightBytes;
    this.vocabSize = config.vocabSize;
    this.contextLength = contextLength;
    this.#rope = distinctAngles(config).map((rope) =>
      ropeTable(contextLength, config.headDim, JSON.parse(rope) as RopeConfig, contextLength),
    );
    this.#caches = Array.from({ length: config.layers }, () => ({
      keys: new Float32Array(0),
      values: new Float32Array(0),
    }));
  }

  static async create(
    config: ModelConfig,
    contextLength: number,
    read: WeightReader,
  ): Promise<GraphModel> {
    const graph = modelGraph(config);
    const externalData: { path: string; data: Uint8Array }[] = [];
    let bytes = 0;
    for (const constant of graph.constants) {
      if (!("file" in constant)) continue;
      externalData.push({ path: constant.file, data: await read(constant.name, constant.bytes) });
      bytes += constant.bytes;
    }
    const session = await InferenceSession.create(writeOnnx(graph), {
      executionProviders: ["wasm"],
      externalData,
    });
    return new GraphModel(config, contextLength, session, bytes);
  }

  get bytes(): number {
    const cache = this.#caches.reduce(
      (sum, { keys, values }) => sum + keys.length + values.length,
      0,
    );
    return this.#weightBytes + 4 * cache;
  }

  rewind(length: number): void {
    this.length = Math.min(this.length, length);
  }

  async run(tokens: readonly number[], wanted: number): Promise<Float32Array[]> {
    const { kvHeads, headDim, layers } = this.#config;
    const rows = tokens.length;
    const past = this.length;
    const used = past + rows;
    const total = Math.ceil(used / BLOCK) * BLOCK;
    const cacheDims = (count: number) => [count, kvHeads, headDim];
    const kvDim = kvHeads * headDim;
    const float = (data: Float32Array, ...dims: number[]) => new Tensor("float32", data, dims);
    const feeds: Record<string, Tensor> = {
      [INPUT.ids]: new Tensor("int32", Int32Array.from(tokens), [rows]),
      [INPUT.padding]: float(new Float32Array((total - used) * kvDim), ...cacheDims(total - used)),
      [INPUT.wanted]: new Tensor(
        "int32",
        Int32Array.from({ length: wanted }, (_, i) => rows - wanted + i),
        [wanted],
      ),
    };
    for (const [kind, table] of this.#rope.entries()) {
      const { cos, sin } = angleNames(kind);
      feeds[cos] = float(this.#angles(table, 0, past, rows), rows, 1, headDim / 2);
      feeds[sin] = float(this.#angles(table, headDim / 2, past, rows), rows, 1, headDim / 2);
    }
    for (const [kind, window] of distinctWindows(this.#config).entries()) {
      feeds[maskName(kind)] = float(causalMask(rows, past, total, window), rows, 1, total);
    }
    this.#reserve(used);
    for (let layer = 0; layer < layers; layer++) {
      const names = cacheNames(layer);
      const { keys, values } = this.#caches[layer]!;
      feeds[names.pastKey] = float(keys.subarray(0, past * kvDim), ...cacheDims(past));
      feeds[names.pastValue] = float(values.subarray(0, past * kvDim), ...cacheDims(past));
    }
    const out = await this.#session.run(feeds);
    for (let layer = 0; layer < layers; layer++) {
      const names = cacheNames(layer);
      const { keys, values } = this.#caches[layer]!;
      keys.set(out[names.newKey]!.data as Float32Array, past * kvDim);
      values.set(out[names.newValue]!.data as Float32Array, past * kvDim);
    }
    this.length = used;
    const logits = out[LOGITS]!.data as Float32Array;
    return Array.from({ length: wanted }, (_, i) =>
      logits.subarray(i * this.vocabSize, (i + 1) * this.vocabSize),
    );
  }

  dispose(): Promise<void> {
    return this.#session.release();
  }

  /** The half of a table's rows that begins at `offset`, for the positions from `first` on. */
  #angles(table: Float32Array, offset: number, first: number, rows: number): Float32Array {
    const { headDim } = this.#config;
    const half = headDim / 2;
    const out = new Float32Array(rows * half);
    for (let row = 0; row < rows; row++) {
      const at = (first + row) * headDim + offset;
      out.set(table.subarray(at, at + half), row * half);
    }
    return out;
  }

  #reserve(positions: number): void {
    const { kvHeads, headDim } = this.#config;
    const have = this.#caches[0]!.keys.length / (kvHeads * headDim);
    if (positions <= have) return;
    const room = Math.min(this.contextLength, Math.max(FIRST_ROOM, 2 * have, positions));
    const grown = (old: Float32Array): Float32Array => {
      const next = new Float32Array(room * kvHeads * headDim);
      next.set(old);
      return next;
    };
    for (const cache of this.#caches) {
      cache.keys = grown(cache.keys);
      cache.values = grown(cache.values);
    }
  }
}

/** `[rows, total]`: a row sees itself and what came before, as far back as its window. */
function causalMask(rows: number, past: number, total: number, window = Infinity): Float32Array {
  const mask = new Float32Array(rows * total).fill(UNSEEN);
  for (let row = 0; row < rows; row++) {
    const end = past + row + 1;
    mask.fill(0, row * total + Math.max(0, end - window), row * total + end);
  }
  return mask;
}
