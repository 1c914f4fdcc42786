/** What comes back: parts of a stream, results, metrics and progress. Plain data, so it crosses the worker boundary. */
import type { WireError } from "./errors.ts";

import type { EngineCapabilities } from "./options/capabilities.ts";

/** How a token came to be: decoded alone, drafted and accepted, or the target's own after the accepted path. */
export type TokenOrigin = "plain" | "accepted" | "recovered" | "bonus";

export interface StreamToken {
  readonly id: number;
  readonly origin: TokenOrigin;
  /** What this token added to the text; empty while a character is incomplete. */
  readonly text: string;
  /** With Mirostat: -log2 of the token's probability under the model's whole distribution, in bits. */
  readonly surprise?: number;
  /** With Mirostat: mu after this token, in bits. */
  readonly mu?: number;
  /**
   * Nats. How probable the model itself finds this token: log-softmax of its logits as they are, before edits, temperature
   * and the other stages. With `logProbabilities`.
   */
  readonly logProbability?: number;
  /** As many of the most probable tokens in its place as `logProbabilities` says, best first. */
  readonly top?: readonly TokenAlternative[];
}

/** A token that could have been. */
export interface TokenAlternative {
  readonly id: number;
  /** After the token before it; special tokens as the vocabulary spells them. */
  readonly text: string;
  /** Nats. */
  readonly logProbability: number;
}

/** One round's token tree, struct of arrays; node 0 is the root, `parents[i] < i`, siblings in draw order. */
export interface TreeSnapshot {
  readonly tokens: readonly number[];
  /** -1 for the root. */
  readonly parents: readonly number[];
  readonly depths: readonly number[];
  /** What the nodes were ranked by, 0 for the root: at temperature 0 sums of log-probabilities in nats, else of noisy ones. */
  readonly scores: readonly number[];
  /** Text of each node's token; special tokens as the vocabulary spells them. */
  readonly texts: readonly string[];
  /** Nodes kept, from the root on. */
  readonly path: readonly number[];
  /**
   * Log-probability of each node's token after its parent, in nats, under the target's own distribution: of those that were cut, too.
   * 0 for the root. Present with `logProbabilities`.
   */
  readonly logProbabilities?: readonly number[];
}

/** A stop string was met, `maxNewTokens` or the context was used up, or the model ended the text. */
export type FinishReason = "stop" | "length" | "end-of-text";

export interface Usage {
  /** Tokens of the prompt, the beginning-of-text token included. */
  readonly promptTokens: number;
  /** The length of the result's `tokens`. */
  readonly completionTokens: number;
}

/** Milliseconds of GPU time: the draft's passes and its tree, the target's pass, the verification rule, the caches. */
export interface PhaseTimes {
  readonly draft: number;
  readonly score: number;
  readonly verify: number;
  readonly commit: number;
}

export interface Metrics {
  /** Passes of draft, score, verify and commit. */
  readonly rounds: number;
  /** Tokens per target pass of decoding, the recovered or bonus token included; >= 1. 0 when no round was run. */
  readonly blockEfficiency: number;
  /** Accepted draft tokens by depth: of the rounds whose tree reached depth i + 1, the share that accepted there. */
  readonly acceptanceByDepth: readonly number[];
  /** Of the accepted draft tokens, the share that stood i-th among its siblings in draw order, from the first on. */
  readonly acceptedByRank: readonly number[];
  /**
   * Memory-bound speed-up (arXiv 2402.14160, section 5): block efficiency / (1 + c L), where c is the draft's share of the
   * target's parameters and L the draft's passes per round. What speculation would gain if time were memory traffic alone.
   */
  readonly memoryBoundSpeedUp: number;
  /** Command buffers submitted, prefill included. */
  readonly submits: number;
  /** Round trips to the GPU. */
  readonly readbacks: number;
  /** Forward passes of each model, prefill included. */
  readonly targetForwards: number;
  readonly draftForwards: number;
  /** GPU dispatches of one target pass, per layer. */
  readonly dispatchesPerLayer: number;
  /** Dispatches of one round. */
  readonly dispatchesPerRound: number;
  /** Bytes the engine holds on the GPU: weights, caches and scratch. */
  readonly gpuBytes: number;
  /** With Mirostat: the mean surprise of the tokens drawn, an end-of-text token included, in bits. */
  readonly meanSurprise?: number;
  /** With Mirostat: mu after the last of them, in bits. */
  readonly mu?: number;
  /** Milliseconds from the request to the first token, prefill included. */
  readonly timeToFirstToken: number;
  /** Milliseconds from the end of the first round, which waits for the prefill, to the end of the last. */
  readonly decodeTime: number;
  /** Tokens per second over `decodeTime`; 0 before the second round. */
  readonly tokensPerSecond: number;
  /** With `timings`, where the device has timestamps: milliseconds of GPU time per phase of the rounds. */
  readonly phaseTimes?: PhaseTimes;
}

export interface GenerateResult {
  /** The generated text, without the prompt, and short of the stop string where one was met. */
  readonly text: string;
  /**
   * The generated token ids, up to the one that completed the stop string where one was met. The
   * end-of-text token is left out.
   */
  readonly tokens: readonly number[];
  readonly finishReason: FinishReason;
  readonly usage: Usage;
  readonly metrics: Metrics;
}

export type StreamPart =
  | { readonly type: "text-start"; readonly promptTokens: number }
  /**
   * What a round added. `text` is the texts of `tokens` joined, and may be empty while a character is
   * incomplete; all texts joined are the result's text. Tokens that may be the start of a stop string
   * come with a later delta.
   */
  | {
      readonly type: "text-delta";
      readonly text: string;
      readonly tokens: readonly StreamToken[];
      readonly metrics: Metrics;
    }
  | { readonly type: "tree"; readonly tree: TreeSnapshot }
  /** An option that could not be honoured in full, in words. */
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "text-end"; readonly result: GenerateResult };

/**
 * Parts to iterate over, once, and the result as a promise. Decoding starts at once and does not wait to be
 * read. Leaving the loop stops it within a round, and `result` then rejects with code `aborted`.
 */
export interface PartStream<Part, Result> extends AsyncIterableIterator<Part> {
  /** Rejects with what stopped the request. May be left alone: that is no unhandled rejection. */
  readonly result: Promise<Result>;
}

/** What `generate` gives: a text that grows. */
export interface GenerateStream extends PartStream<StreamPart, GenerateResult> {}

/** One of several continuations. */
export interface Draft {
  readonly text: string;
  /** Its token ids; the end-of-text token is left out. */
  readonly tokens: readonly number[];
  /** What its tokens add up to, in nats, at most 0: by the decoder's own measure, not the model's log-probability. */
  readonly score: number;
  /** exp(-score / tokens), the end-of-text token counted: what superposed drafts are ranked by. May be Infinity. */
  readonly perplexity: number;
  /** True where the model ended the text. */
  readonly done: boolean;
}

export interface DraftsMetrics extends Pick<
  Metrics,
  | "submits"
  | "readbacks"
  | "targetForwards"
  | "dispatchesPerLayer"
  | "gpuBytes"
  | "timeToFirstToken"
  | "decodeTime"
> {
  /** Positions: each is one pass of the target, for all drafts together. */
  readonly steps: number;
  /** Dispatches of one step. */
  readonly dispatchesPerStep: number;
}

export interface DraftsResult {
  /** The best first. */
  readonly drafts: readonly Draft[];
  /** `end-of-text`: every draft ended. `length`: they are as long as they may be. */
  readonly finishReason: Exclude<FinishReason, "stop">;
  /** `completionTokens` is the number of positions, which all drafts share. */
  readonly usage: Usage;
  readonly metrics: DraftsMetrics;
}

export type DraftsPart =
  | { readonly type: "text-start"; readonly promptTokens: number }
  /**
   * The drafts after one more token, the best first: all of them, since any of them may have been replaced. Fewer than asked
   * for where no more are possible.
   */
  | { readonly type: "drafts"; readonly drafts: readonly Draft[]; readonly metrics: DraftsMetrics }
  | { readonly type: "warning"; readonly message: string }
  | { readonly type: "text-end"; readonly result: DraftsResult };

/** What `generate` gives with a decoder of drafts: a set that is revised as it grows. */
export interface DraftsStream extends PartStream<DraftsPart, DraftsResult> {
  /**
   * Continues after one of the drafts, with the same options: stops this stream, drops the other drafts, puts the tokens
   * into the cache as they are, and gives the drafts that follow. After a draft that is `done` there is nothing more.
   */
  accept(draft: Draft): DraftsStream;
}

/** Bytes of one file as they arrive, and how much there is to it all. */
export interface LoadProgress {
  readonly model: "target" | "draft";
  readonly file: string;
  readonly loadedBytes: number;
  /** What is needed of this file. */
  readonly totalBytes: number;
  /** True where all bytes of this file so far were on the device already. */
  readonly fromCache: boolean;
  /**
   * All files together. `totalBytes` is right from the start for a repository of the hub; elsewhere it grows as files begin, since
   * nobody lists them.
   */
  readonly overall: { readonly loadedBytes: number; readonly totalBytes: number };
}

/** A file that loading a model reads. */
export interface ModelFileInfo {
  readonly name: string;
  /** 0 where the server does not say. */
  readonly bytes: number;
  /** Of these, on the device already. */
  readonly cachedBytes: number;
}

/** What a model is and weighs, before it is loaded. What is not known is left out. */
export interface ModelInfo {
  readonly label: string;
  readonly files: readonly ModelFileInfo[];
  readonly totalBytes: number;
  readonly cachedBytes: number;
  /** What loading would fetch. */
  readonly downloadBytes: number;
  readonly architecture?: string;
  readonly layers?: number;
  /** Numbers in the tensors of the files of weights. */
  readonly parameters?: number;
  /** The type of most of them, such as "BF16". */
  readonly dtype?: string;
  /** Tokens that the model was made for. */
  readonly contextLength?: number;
  readonly vocabSize?: number;
  /** What it would take on the GPU as a target, with the `dtype` and `contextLength` that were asked for. */
  readonly memory?: MemoryFacts;
  /** Why `loadEngine` would refuse it. */
  readonly problem?: WireError;
}

/** A model of which files are kept on the device. */
export interface CachedModel {
  /** What `clearCache` takes. */
  readonly source: string;
  readonly label: string;
  readonly bytes: number;
  /** When it was last loaded, in milliseconds since 1970. */
  readonly usedAt: number;
}

/** Which GPU the engine runs on, as far as the browser says. Empty strings where it does not. */
export interface AdapterFacts {
  readonly vendor: string;
  readonly architecture: string;
  readonly device: string;
  readonly description: string;
  /** True where the browser says that this is a software adapter. */
  readonly fallback: boolean;
  /** Optional features in use, such as "shader-f16". */
  readonly features: readonly string[];
}

/** What models take on the GPU, in bytes, told before they are there. Decoders take a little more while they are in use. */
export interface MemoryFacts {
  /** Weights, and the tables made of the configuration. */
  readonly weights: number;
  /** Keys and values of the whole context, and the numbers of one pass. */
  readonly caches: number;
}

/** What was loaded. */
export interface EngineFacts {
  /** What it runs on. */
  readonly device: "webgpu" | "wasm";
  /** Why that is `"wasm"`, in words. */
  readonly deviceReason?: string;
  /** What may be asked of it. */
  readonly capabilities: EngineCapabilities;
  readonly adapter: AdapterFacts;
  readonly contextLength: number;
  readonly vocabSize: number;
  readonly target: ModelFacts;
  readonly draft?: ModelFacts;
  /** What was foretold before anything was downloaded; absent on the fallback. */
  readonly memory?: MemoryFacts;
  /** On the GPU after loading, in bytes. */
  readonly gpuBytes: number;
  /** What did not go as asked for while loading, in words, if anything; such as that nothing could be kept on the device. */
  readonly warnings?: readonly string[];
}

export interface ModelFacts {
  /** Repo id, URL, or words for files that were handed in. */
  readonly label: string;
  readonly layers: number;
  /** Numbers in the tensors that passes read: without the rows of a trimmed head that are left out. */
  readonly parameters: number;
  /** Tokens that it gives logits of: fewer than the engine's `vocabSize` where a draft's vocabulary is trimmed. */
  readonly vocabulary: number;
}
