/** What page code passes in: model sources, load options, decoders and generate options. */
import type { LoadProgress } from "./stream-part.ts";

/** File name to content, as in a model folder: `config.json`, `model.safetensors`, `tokenizer.json`, ... */
export type ModelFileMap = Readonly<
  Record<string, Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | Response>
>;

/**
 * Where a model's files are: a hub repo id (`"org/name"`, with `@revision` if wanted), the URL of a folder
 * (absolute, or starting with `/`, `./` or `../` and resolved against the page), or the files themselves.
 */
export type ModelSource = string | { readonly files: ModelFileMap };

/** A source with loading options. */
export interface ModelSpec {
  readonly model: ModelSource;
  /** Use the first `layers` layers only, then the final norm and the head. 1..all; default: all. */
  readonly layers?: number;
}

/** How weights are kept on the GPU. `"auto"` keeps f32 and f16 as they are and makes f16 of bf16 where it fits. */
export type Dtype = "auto" | "f32" | "f16";

/** Where the model runs. `"auto"` is WebGPU. `"wasm"` is not offered yet and is refused. */
export type DeviceKind = "auto" | "webgpu" | "wasm";

export interface LoadOptions {
  /** The model whose output is wanted. */
  readonly target: ModelSource | ModelSpec;
  /** A smaller model with the same vocabulary that proposes tokens; needed by the speculative decoder. */
  readonly draft?: ModelSource | ModelSpec;
  /** Default `"auto"`. */
  readonly dtype?: Dtype;
  /** Default `"auto"`. */
  readonly device?: DeviceKind;
  /** Tokens of prompt and output together, 2..the model's own limit. Default: the smaller of 4,096 and that limit. */
  readonly contextLength?: number;
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Aborts loading and frees what was loaded. */
  readonly signal?: AbortSignal;
}

/** Takes the most probable token at every step; the lowest id on a tie. */
export interface GreedyDecoder {
  readonly kind: "greedy";
}

/** One path of `length` tokens (1..63): plain speculative decoding. */
export interface ChainTree {
  readonly kind: "chain";
  readonly length: number;
}

/**
 * Constant branching: every node at depth i gets `branching[i]` children, drawn without replacement (Recursive
 * Speculative Decoding, arXiv 2402.14160, RSD-C). The whole tree has at most 64 nodes, the root included.
 */
export interface BranchingTree {
  readonly kind: "rsd-c";
  readonly branching: readonly number[];
}

/**
 * The `nodes` most promising nodes by path probability under the draft (after EAGLE-2, arXiv 2406.16858, and OPT-Tree,
 * arXiv 2406.17276): each level keeps the `width` best, then the whole tree is cut to the budget.
 */
export interface BestFirstTree {
  readonly kind: "best-first";
  /** Nodes that the target scores, root included, 2..64. Default 16. */
  readonly nodes?: number;
  /** Longest path below the root, 1..63: one pass of the draft each. Default 5. */
  readonly depth?: number;
  /** Nodes kept per level, 1..63. Default 4. */
  readonly width?: number;
}

export type TreeOptions = ChainTree | BranchingTree | BestFirstTree;

/** Drafts a token tree, scores it in one pass of the target and keeps the path the target agrees with. */
export interface SpeculativeDecoder {
  readonly kind: "speculative";
  /** Default `{ kind: "best-first" }`. */
  readonly tree?: TreeOptions;
  /** The linear decoder whose text this reproduces, token for token. Default greedy, the only one so far. */
  readonly sampling?: GreedyDecoder;
  /** The verification rule. Default `"coupled"`, the only one so far: it equals `sampling` run alone. */
  readonly verify?: "coupled";
}

export type Decoder = GreedyDecoder | SpeculativeDecoder;

export interface GenerateOptions {
  /** Default: speculative with the default tree where a draft is loaded, else greedy. */
  readonly decoder?: Decoder;
  /** A 32-bit unsigned integer. Default 0. The greedy decoders draw nothing, so it changes nothing there. */
  readonly seed?: number;
  /** 1.. ; default: as many as the context holds. */
  readonly maxNewTokens?: number;
  /** Generation ends before the first of these strings; the text stops short of it. At most 16, none empty. */
  readonly stop?: readonly string[];
  /** Adds a `tree` part per round, for display. Default false. */
  readonly trees?: boolean;
  /** Stops the worker within one round; `result` rejects with code `aborted`. */
  readonly signal?: AbortSignal;
}
