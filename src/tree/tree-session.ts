/**
 * One model with a KV cache that holds a token tree. Four operations, and every decoder is written against them:
 * `prefill` and `rewind` move the end of the committed prefix, `score` runs a tree, `commit` keeps one path of it.
 */
import { CoppiceError, throwIfAborted } from "../errors.ts";
import { recordForward } from "../model/index.ts";
import type { BufferScope, Gpu, LanguageModel, Recording, Scratch } from "../model/index.ts";
import { recordCompaction } from "./compaction.ts";
import type { KvCache } from "./kv-cache.ts";
import type { ScoredNode, TreeState } from "./tree-state.ts";
import { sequenceBuffers } from "./sequence-buffers.ts";
import { MAX_NODES } from "./tree-plan.ts";

/** Prompt chunks come in these sizes; a shorter rest is padded, which later rows overwrite before reading. */
const CHUNK_SIZES = [4, 16, 64] as const;
/** Chunks that are submitted in one go: 512 tokens. */
const CHUNKS_QUEUED = 8;

export interface TreeSessionOptions {
  /** Cache slots beyond the context: as many as the largest tree has nodes. */
  readonly extraSlots: number;
}

export class TreeSession {
  readonly model: LanguageModel;
  readonly cache: KvCache;
  readonly scratch: Scratch;
  /** Control block and tree of this session; a decoding round shares the target's. */
  readonly state: TreeState;
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #recordings = new Map<string, Recording>();
  #length = 0;
  #scored = 0;
  #rewinds = 0;

  constructor(gpu: Gpu, scope: BufferScope, model: LanguageModel, options: TreeSessionOptions) {
    this.#gpu = gpu;
    this.#scope = scope;
    this.model = model;
    const buffers = sequenceBuffers(scope, model, options.extraSlots, gpu.device.limits);
    this.cache = buffers.cache;
    this.scratch = buffers.scratch;
    this.state = buffers.state;
  }

  /** Tokens of the committed prefix whose keys and values are cached. */
  get length(): number {
    return this.#length;
  }

  /** Calls of `rewind` so far: while it stays the same, the prefix is still what it was. */
  get rewinds(): number {
    return this.#rewinds;
  }

  /** Passes made by `prefill` for `count` tokens. */
  static chunks(count: number): number[] {
    const sizes: number[] = [];
    for (let left = count; left > 0;) {
      const size = CHUNK_SIZES.find((s) => s >= left) ?? MAX_NODES;
      sizes.push(size);
      left -= size;
    }
    return sizes;
  }

  /**
   * Appends `tokens` to the prefix: chains of up to 64 rows, no readback. Uses the few-row kernels, so the cache holds the
   * very bits that token-by-token decoding would have left. `after` gives what is to follow each pass of so many rows.
   * @throws CoppiceError `aborted` within some 1,000 tokens of the signal: no more than that is queued at a time.
   */
  async prefill(
    tokens: readonly number[],
    {
      after,
      signal,
    }: { after?: (rows: number) => Recording; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    this.#checkRoom(tokens.length);
    let done = 0;
    let queued = Promise.resolve();
    for (const [i, size] of TreeSession.chunks(tokens.length).entries()) {
      if (i > 0 && i % CHUNKS_QUEUED === 0) {
        // The last group keeps the GPU busy while the one before it is waited for.
        const before = queued;
        queued = this.#gpu.workDone();
        await before;
        throwIfAborted(signal);
      }
      const chunk = tokens.slice(done, done + size);
      const padded = [...chunk, ...new Array<number>(size - chunk.length).fill(0)];
      const recordings = [this.#forward(size, 0), ...(after ? [after(size)] : [])];
      await Promise.all(recordings.map((recording) => recording.ready()));
      this.state.writeChain(this.#length, padded);
      this.#gpu.submit(...recordings);
      this.#length += chunk.length;
      done += chunk.length;
    }
  }

  /**
   * One tree-masked pass over `nodes` (1..64, `parent < index`); returns one row of logits per node. The prefix stays as it is
   * until `commit`. Row bits do not depend on the other rows.
   */
  async score(nodes: readonly ScoredNode[]): Promise<Float32Array[]> {
    this.#checkNodes(nodes);
    this.#checkRoom(1);
    const { vocabSize } = this.model.config;
    const recording = this.#forward(nodes.length, nodes.length);
    this.state.writeTree(this.#length, nodes);
    this.#scored = nodes.length;
    const logits = { ...this.scratch.logits, size: nodes.length * vocabSize * 4 };
    const [bytes] = await this.#gpu.submitAndRead([recording], [logits]);
    return nodes.map((_, i) => new Float32Array(bytes!, i * vocabSize * 4, vocabSize));
  }

  /** Keeps one root-to-node path of the last scored tree (ascending node indices from 0) and drops the rest. */
  async commit(path: readonly number[]): Promise<void> {
    const ascending = path.every((node, i) => (i === 0 ? node === 0 : node > path[i - 1]!));
    if (path.length === 0 || !ascending || path.at(-1)! >= this.#scored) {
      throw new CoppiceError(
        "tree-invalid",
        `[${path.join(", ")}] is no path of the ${this.#scored} nodes scored last.`,
        "Give the indices from the root (0) to the node to keep, in order, after a call of score.",
      );
    }
    const compaction = await this.#compaction().ready();
    this.state.writePath(this.#length, path);
    this.#gpu.submit(compaction);
    this.#length += path.length;
    this.#scored = 0;
  }

  /** Drops the tail of the prefix: its length becomes `length`. */
  rewind(length: number): void {
    if (!Number.isInteger(length) || length < 0 || length > this.#length) {
      throw new CoppiceError(
        "internal",
        `Cannot rewind ${this.#length} tokens to ${length}.`,
        "Rewind to 0..length.",
      );
    }
    this.#length = length;
    this.#scored = 0;
    this.#rewinds += 1;
  }

  /** Rounds commit on the GPU; this tells the session what they did. */
  noteCommitted(length: number): void {
    this.#length = length;
  }

  #forward(rows: number, headRows: number): Recording {
    return this.#once(`forward ${rows} ${headRows}`, () =>
      recordForward(this.#gpu, this.#scope, this.model, {
        rowStart: 0,
        rows,
        headFirst: 0,
        headRows,
        lag: 0,
        control: this.state.control,
        tree: this.state.tree,
        treeStatics: this.state.statics,
        cache: this.cache.layers,
        slots: this.cache.slots,
        scratch: this.scratch,
      }),
    );
  }

  #compaction(): Recording {
    return this.#once("compact", () =>
      recordCompaction(this.#gpu, this.#scope, this.cache, this.state, 0),
    );
  }

  #once(key: string, make: () => Recording): Recording {
    const known = this.#recordings.get(key) ?? make();
    this.#recordings.set(key, known);
    return known;
  }

  #checkRoom(tokens: number): void {
    const limit = this.model.contextLength;
    if (this.#length + tokens > limit) {
      throw new CoppiceError(
        "context-overflow",
        `${this.#length} tokens and ${tokens} more exceed the context of ${limit}.`,
        "Shorten the prompt or load the engine with a larger contextLength.",
      );
    }
  }

  #checkNodes(nodes: readonly ScoredNode[]): void {
    const { vocabSize } = this.model.config;
    const linked = nodes.every(({ token, parent }, i) => {
      const parentFits =
        i === 0 ? parent === -1 : Number.isInteger(parent) && parent >= 0 && parent < i;
      return parentFits && Number.isInteger(token) && token >= 0 && token < vocabSize;
    });
    if (nodes.length < 1 || nodes.length > MAX_NODES || !linked) {
      throw new CoppiceError(
        "tree-invalid",
        "A tree needs 1..64 nodes, node 0 with parent -1, every other parent before its child, and token ids of the vocabulary.",
        "Number the nodes so that parents come first.",
      );
    }
  }
}
