/** Passes over texts that grow side by side: leaves of one tree, all scored at once, a level per step. */
import { CoppiceError } from "../errors.ts";
import {
  BEAM_TREE,
  type Recording,
  recordEmbedding,
  recordLayers,
  treeBytes,
  treeLayout,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, ForwardPass, Gpu } from "../model/index.ts";
import type { RoundCounts } from "./rounds.ts";
import { TextCounts } from "./text-counts.ts";
import { TreeSession } from "./tree-session.ts";

export interface LeafParts {
  readonly target: TreeSession;
  /** Nodes that stand for the prompt's last token: 1, or one per leaf where every text is a tree of its own. */
  readonly roots: number;
  /** Texts, 1..64. */
  readonly leaves: number;
  /** Records what follows a pass over `rows` rows, the same at every step. It or `grow` writes the next level of `tree`. */
  choose(tree: BufferSlice, rows: number): Recording;
  /** Records what depends on the step, counted from 0. */
  grow?(tree: BufferSlice, step: number): Recording;
}

/** The tree's nodes as they were read back. */
export interface TreeHead {
  readonly tokens: Uint32Array;
  readonly scores: Float32Array;
  /** The tokens from below the root to a node. */
  textOf(node: number): number[];
}

const HEAD = treeLayout(BEAM_TREE).offsets;

export class LeafPasses {
  readonly tree: BufferSlice;
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #parts: LeafParts;
  /** One per step, made when needed: only the first dispatch differs from step to step. */
  readonly #steps: Recording[] = [];
  readonly #rests = new Map<number, Recording>();
  #done = 0;
  #limit = 0;
  #dispatches = 0;
  readonly #counts: TextCounts;

  constructor(gpu: Gpu, scope: BufferScope, parts: LeafParts) {
    this.#gpu = gpu;
    this.#counts = new TextCounts(gpu, parts.target.model);
    this.#scope = scope;
    this.#parts = parts;
    this.tree = scope.storage("tree of texts", treeBytes(BEAM_TREE));
  }

  get contextLength(): number {
    return this.#parts.target.model.contextLength;
  }

  /** Steps that the last start allows, and steps done. */
  get limit(): number {
    return this.#limit;
  }

  get done(): number {
    return this.#done;
  }

  get counts(): RoundCounts {
    return this.#counts.read(this.#dispatches);
  }

  /** Steps that fit after a prompt of so many tokens: 0 where none does. */
  mostSteps(promptTokens: number): number {
    const { NODES, LEVELS } = BEAM_TREE;
    const { target, roots, leaves } = this.#parts;
    // The prompt's last token is a root: its slots are among the tree's.
    const slots = target.cache.slots - (promptTokens - 1);
    const nodes = Math.min(NODES, slots) - roots;
    const room = this.contextLength - promptTokens;
    return Math.max(0, Math.min(LEVELS - 1, Math.floor(nodes / leaves), room));
  }

  /** Forgets the last texts, and fills the cache with all but the last token of the prompt. */
  async start(
    prompt: readonly number[],
    steps: number,
    {
      endTokens = [],
      seed = 0,
      signal,
    }: { endTokens?: readonly number[]; seed?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<void> {
    const most = this.mostSteps(prompt.length);
    if (prompt.length < 1 || most < 1) {
      throw new CoppiceError(
        "context-overflow",
        `A prompt of ${prompt.length} tokens does not fit a context of ${this.contextLength} with room for one more in each of ${this.#parts.leaves} texts.`,
        "Give 1 token or more, shorten the prompt, or load the engine with a larger contextLength.",
      );
    }
    const { target } = this.#parts;
    this.#counts.restart();
    const base = prompt.length - 1;
    target.rewind(0);
    await target.prefill(prompt.slice(0, base), { signal });
    this.#counts.targetForwards += TreeSession.chunks(base).length;
    target.state.writeStart({ base, pending: prompt[base]!, seed }, endTokens);
    this.#limit = Math.min(steps, most);
    this.#done = 0;
  }

  /** Runs up to `steps` steps in one submission; reads the tree's nodes back, and `slices` with them. */
  async run(
    steps: number,
    slices: readonly BufferSlice[],
  ): Promise<{ head: TreeHead; bytes: ArrayBuffer[] }> {
    const count = Math.max(0, Math.min(steps, this.#limit - this.#done));
    const recordings = Array.from({ length: count }, (_, i) => this.#step(this.#done + i));
    this.#dispatches = recordings.at(-1)?.dispatches.length ?? this.#dispatches;
    const head = { ...this.tree, size: HEAD.ancestor };
    const [tree, ...bytes] = await this.#gpu.submitAndRead(recordings, [head, ...slices]);
    this.#counts.targetForwards += count;
    this.#done += count;
    return { head: this.#read(tree!), bytes };
  }

  /** The first node of the level below `step` steps. */
  levelAt(step: number): number {
    const { roots, leaves } = this.#parts;
    return step === 0 ? 0 : roots + (step - 1) * leaves;
  }

  #step(step: number): Recording {
    return (this.#steps[step] ??= this.#recordStep(step));
  }

  #recordStep(step: number): Recording {
    const { target, roots, leaves } = this.#parts;
    const rows = step === 0 ? roots : leaves;
    const pass = { ...this.#pass(rows), rowStart: this.levelAt(step) };
    const recording = recordEmbedding(this.#gpu, this.#scope, target.model, pass);
    const rest = this.#rests.get(rows) ?? this.#recordRest(rows);
    this.#rests.set(rows, rest);
    recording.append(rest);
    const grown = this.#parts.grow?.(this.tree, step);
    if (grown) recording.append(grown);
    return recording;
  }

  #recordRest(rows: number): Recording {
    const { model } = this.#parts.target;
    const rest = recordLayers(this.#gpu, this.#scope, model, this.#pass(rows));
    rest.append(this.#parts.choose(this.tree, rows));
    return rest;
  }

  #pass(rows: number): Omit<ForwardPass, "rowStart"> {
    const { state, cache, scratch } = this.#parts.target;
    return {
      rows,
      headFirst: 0,
      headRows: rows,
      lag: 0,
      control: state.control,
      tree: this.tree,
      treeStatics: BEAM_TREE,
      cache: cache.layers,
      slots: cache.slots,
      scratch,
    };
  }

  #read(bytes: ArrayBuffer): TreeHead {
    const { NODES } = BEAM_TREE;
    const tokens = new Uint32Array(bytes, HEAD.token, NODES);
    const parents = new Uint32Array(bytes, HEAD.parent, NODES);
    const textOf = (node: number): number[] =>
      node < this.#parts.roots ? [] : [...textOf(parents[node]!), tokens[node]!];
    return { tokens, scores: new Float32Array(bytes, HEAD.score, NODES), textOf };
  }
}
