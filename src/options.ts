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

/**
 * Which of the model's tokens may be drawn, and how evenly. In Hugging Face's order: temperature, top-k, top-p, min-p; a
 * token exactly as probable as the last one kept is kept too.
 */
export interface SamplingStages {
  /** Logits are divided by it: below 1 the likely tokens get likelier. 0 to 100; 0 is greedy. Default 1. */
  readonly temperature?: number;
  /** Keep the `topK` most probable tokens. 1 up; 0 keeps all. Default 0. */
  readonly topK?: number;
  /** Of those, keep the fewest that together have this share (nucleus sampling, arXiv 1904.09751). Above 0 to 1. Default 1: all. */
  readonly topP?: number;
  /** Of those, keep tokens at least this share as probable as the most probable one (arXiv 2407.01082). 0 to 1. Default 0: all. */
  readonly minP?: number;
}

/** Sampling stages with nothing left out; temperature 0 takes the most probable token. */
export type ResolvedStages = Required<SamplingStages>;

/**
 * Draws every token from the model's distribution. The noise is a function of seed, position and token id, so the same
 * seed gives the same text on the same device.
 */
export interface SampleDecoder extends SamplingStages {
  readonly kind: "sample";
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
 * A stochastic beam search: `width` paths of `depth` tokens, drawn without replacement (Recursive Speculative Decoding,
 * arXiv 2402.14160, RSD-S). `1 + width * depth` is at most 64.
 */
export interface BeamTree {
  readonly kind: "rsd-s";
  readonly width: number;
  readonly depth: number;
}

/**
 * `count` paths of `length` tokens, each drawn on its own, with replacement (SpecTr, arXiv 2310.15141; SpecInfer, arXiv
 * 2305.09781). `1 + count * length` is at most 64.
 */
export interface PathsTree {
  readonly kind: "paths";
  readonly count: number;
  readonly length: number;
}

/**
 * The `nodes` most promising nodes by path probability under the draft (after EAGLE-2, arXiv 2406.16858, and OPT-Tree,
 * arXiv 2406.17276): each level keeps the `width` best, then the whole tree is cut to the budget. Where tokens are
 * sampled, the draft knows the noise the target will draw with, and takes it into account.
 */
export interface BestFirstTree {
  readonly kind: "best-first";
  /** Nodes that the target scores, root included, 2..64. Default 16. */
  readonly nodes?: number;
  /** Longest path below the root, 1..63: one pass of the draft each. Default 5. */
  readonly depth?: number;
  /** Nodes kept per level, 1..63. Default 4. */
  readonly width?: number;
  /**
   * The temperature of the softmax that turns the draft's scores into confidence, above 0 to 10: above 1 for a draft
   * that is too sure of itself. Default 1.
   */
  readonly confidence?: number;
}

/** Nodes that one pass of the target scores, the root included. */
export const MAX_TREE_NODES = 64;

/** What a best-first tree is where its options are left out. */
export const BEST_FIRST_DEFAULTS = { nodes: 16, depth: 5, width: 4, confidence: 1 } as const;

/**
 * Chooses a best-first tree, or plain decoding, while decoding: by what each costs on this device and how much of it is
 * accepted (after SmartSpec, arXiv 2406.14066, and Sequoia, arXiv 2402.12374). The text does not depend on the choices.
 */
export interface AutoTree {
  readonly kind: "auto";
}

export type TreeOptions = ChainTree | BranchingTree | BeamTree | PathsTree | BestFirstTree;

/** Which rule decides what of a tree is kept. `docs/speculation.md` has their formulas and says when to use which. */
export type VerifyRule = "coupled" | "recursive" | "traversal" | "block" | "spectr" | "specinfer";

/**
 * The trees a rule keeps lossless. `coupled` takes any; the others need the distribution that every node was drawn
 * from, so they refuse a tree whose nodes were chosen by what they turned out to be.
 */
export type TreeAndRule =
  | { readonly tree?: TreeOptions | AutoTree | "auto"; readonly verify?: "coupled" }
  | {
      readonly tree: ChainTree | BranchingTree | BeamTree;
      readonly verify: "recursive" | "traversal";
    }
  | { readonly tree: ChainTree; readonly verify: "block" }
  | { readonly tree: ChainTree | PathsTree; readonly verify: "spectr" | "specinfer" };

/**
 * Drafts a token tree, scores it in one pass of the target and keeps a path of it. `tree` defaults to
 * `{ kind: "best-first" }`. `verify` defaults to `"coupled"`: the text is that of `sampling` run alone with the same
 * seed, token for token. The other rules draw from the same distribution, with other tokens.
 */
export type SpeculativeDecoder = {
  readonly kind: "speculative";
  /** The linear decoder whose text this reproduces. Default greedy. */
  readonly sampling?: GreedyDecoder | SampleDecoder | SamplingStages;
} & TreeAndRule;

export type Decoder = GreedyDecoder | SampleDecoder | SpeculativeDecoder;

export interface GenerateOptions {
  /** Default: speculative with the default tree where a draft is loaded, else greedy. */
  readonly decoder?: Decoder;
  /** A 32-bit unsigned integer: where drawn tokens come from. Default 0. Greedy decoders draw nothing. */
  readonly seed?: number;
  /** 1.. ; default: as many as the context holds. */
  readonly maxNewTokens?: number;
  /** Generation ends before the first of these strings; the text stops short of it. At most 16, none empty. */
  readonly stop?: readonly string[];
  /**
   * Rounds that the GPU runs on its own before the page hears of them, 1..16. More hide the time of a round trip; text
   * then comes in larger pieces. Default: by the round trip measured at load. With `trees` it is 1.
   */
  readonly roundsPerReadback?: number;
  /**
   * Measures the GPU's time for drafting, scoring, verifying and committing (`metrics.phaseTimes`), which takes a little of
   * it. Needs the device's `timestamp-query`; where that is missing a warning says so. Default false.
   */
  readonly timings?: boolean;
  /** Adds a `tree` part per round, for display. Default false. */
  readonly trees?: boolean;
  /** Stops the worker within one round; `result` rejects with code `aborted`. */
  readonly signal?: AbortSignal;
}
