/** What page code passes in: model sources, load options, decoders and generate options. */
import type { ChatOptions, TokenizerOption } from "./options/chat.ts";
import type { Decoder } from "./options/decoders.ts";
import type { CacheOption, HubOptions } from "./options/loading.ts";
import type { LogitEdits } from "./options/edits.ts";
import type { DraftsDecoder } from "./options/drafts.ts";
import type { Overflow } from "./options/overflow.ts";
import type { LoadProgress } from "./stream-part.ts";

export * from "./options/beam.ts";
export * from "./options/capabilities.ts";
export * from "./options/chat.ts";
export * from "./options/contrastive.ts";
export * from "./options/decoders.ts";
export * from "./options/drafts.ts";
export * from "./options/edits.ts";
export * from "./options/loading.ts";
export * from "./options/mirostat.ts";
export * from "./options/momentum.ts";
export * from "./options/overflow.ts";
export * from "./options/samples.ts";
export * from "./options/sampling.ts";
export * from "./options/superposed.ts";
export * from "./options/trees.ts";

/** File name to content, as in a model folder: `config.json`, `model.safetensors`, `tokenizer.json`, ... */
export type ModelFileMap = Readonly<
  Record<string, Blob | ArrayBuffer | Uint8Array<ArrayBuffer> | Response>
>;

/**
 * Where a model's files are: a hub repo id (`"org/name"`, with `@branch`, `@tag` or `@commit` if wanted), the URL of a folder
 * (absolute, or starting with `/`, `./` or `../` and resolved against the page), or the files themselves. A repo id or URL
 * that goes on to a `.gguf`, `.onnx` or `.safetensors` file names that file of the folder.
 */
export type ModelSource = string | { readonly files: ModelFileMap };

/** A source with loading options. */
export interface ModelSpec {
  readonly model: ModelSource;
  /** Use the first `layers` layers only, then the final norm and the head. 1..all; default: all. */
  readonly layers?: number;
  /**
   * The file of weights, by its path in the folder: `"model-Q4_K_M.gguf"`, `"onnx/model_q4f16.onnx"`. A GGUF file needs
   * nothing beside it; an ONNX file needs config.json and tokenizer.json. Default: model.safetensors or the files of its
   * index; where `{ files }` holds one GGUF file and no config.json, that. A source may also be the file's own address.
   */
  readonly file?: string;
  /** How this model's weights are kept. Default: `LoadOptions.dtype`; of a draft that is the target itself, as the target's. */
  readonly dtype?: Dtype;
}

/** A model that drafts. It may know fewer tokens than it was trained with. */
export interface DraftSpec extends ModelSpec {
  /**
   * Draft these tokens only: their ids, or a text to count on. The draft's head is then computed for them alone, which for a small
   * model with a large vocabulary is most of a pass; other tokens are never drafted, so that fewer drafts are accepted where the text
   * needs them. The text that is written stays what it is. Default: every token. Source: VocabTrim, Goel et al., arXiv 2506.22694.
   */
  readonly vocabulary?: readonly number[] | VocabularyText;
}

/** A text whose tokens are those to be drafted: best one that the target wrote, or of the kind that it is to write. */
export interface VocabularyText {
  readonly text: string;
  /** Keep so many of its tokens, the most frequent, and those that end a text. 1.. ; default: all that occur. */
  readonly size?: number;
}

/**
 * How weights are kept on the GPU. `"auto"` keeps f32, f16 and quantised weights as they are and makes f16 of bf16 where it fits.
 * `"q8"` and `"q4"` also quantise, at load and on the GPU, what has more bits: blocks of 32 with a scale, 8.5 and 4.5 bits
 * per weight. `"q4"` keeps embeddings and the head in q8. Norms stay f32.
 */
export type Dtype = "auto" | "f32" | "f16" | "q8" | "q4";

/**
 * Where the model runs. `"wasm"`: on the processor, by ONNX Runtime, which is downloaded then; slower, without token trees and other
 * decoders (`EngineFacts.capabilities`). `"webgpu"`: on the GPU or not at all. `"auto"`: on WebGPU where the browser has it, else as with
 * `"wasm"`; `EngineFacts.device` says which it became, and `deviceReason` why.
 */
export type DeviceKind = "auto" | "webgpu" | "wasm";

export interface LoadOptions {
  /** The model whose output is wanted. */
  readonly target: ModelSource | ModelSpec;
  /** A smaller model with the same vocabulary that proposes tokens; needed by the speculative decoder. */
  readonly draft?: ModelSource | DraftSpec;
  /** Of every model that names none of its own. Default `"auto"`. */
  readonly dtype?: Dtype;
  /** Default `"auto"`. */
  readonly device?: DeviceKind;
  /**
   * The folder that the fallback's files are served from, as an address that ends with a slash: `ort.js` and
   * `ort-wasm-simd-threaded.wasm`. Default: where the package has them, `dist/fallback/`.
   */
  readonly fallbackUrl?: string;
  /** Tokens of prompt and output together, 2..the model's own limit. Default: the smaller of 4,096 and that limit. */
  readonly contextLength?: number;
  /** Which hub, and with what token. Default: Hugging Face's, without one. */
  readonly hub?: HubOptions;
  /** What becomes of downloads. Default `"auto"`: they are kept on the device. */
  readonly cache?: CacheOption;
  /** In place of the target's own tokenizer files. Default: these. */
  readonly tokenizer?: TokenizerOption;
  /** Called as bytes arrive. */
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Aborts loading and frees what was loaded. */
  readonly signal?: AbortSignal;
}

/** For `modelInfo`. */
export type ModelInfoOptions = Pick<LoadOptions, "hub" | "cache" | "dtype" | "contextLength">;

export interface GenerateOptions extends LogitEdits {
  /** For a prompt of messages: how they become text. */
  readonly chat?: ChatOptions;
  /** Default: speculative with the default tree where a draft is loaded, else greedy. */
  readonly decoder?: Decoder;
  /** A 32-bit unsigned integer: where drawn tokens come from. Default 0. Greedy decoders draw nothing. */
  readonly seed?: number;
  /**
   * Ids of text after the prompt that was written before (`StreamToken.id`), as by an engine whose device was lost, or a call that was
   * aborted: the text goes on from there. With every decoder whose text is a function of its seed it is the text that would
   * have come, at the same seed and options, token for token; only Mirostat needs its `mu` told as well. What is counted from the text's
   * beginning (`minNewTokens`, `forcedTokens`) counts these; `maxNewTokens` does not. Default: none.
   */
  readonly continueFrom?: readonly number[];
  /** 1.. ; default: as many as the context holds. */
  readonly maxNewTokens?: number;
  /**
   * What becomes of a text that fills the context. `"end"`: it ends, with reason `length`, and a prompt that leaves no room for a
   * token is refused with `context-overflow`. `"slide"`: it goes on with the older half forgotten, up to `maxNewTokens`, which
   * is needed then; a prompt that is too long loses its middle, with a warning. Default `"end"`.
   */
  readonly overflow?: Overflow;
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
  /**
   * Adds to every token its log-probability and this many alternatives' (`StreamToken.logProbability` and `top`), under the
   * model's own distribution. 0 to 20; 0 gives the token's alone. Default: none are computed.
   */
  readonly logProbabilities?: number;
  /** Adds a `tree` part per round, for display. Default false. */
  readonly trees?: boolean;
  /** Stops the worker within one round, or within some 1,000 tokens of a long prompt; `result` rejects with code `aborted`. */
  readonly signal?: AbortSignal;
}

/** What `generate` takes with a decoder that gives a set of drafts. A draft has at most `maxNewTokens` tokens, too. */
export interface DraftsOptions extends Pick<
  GenerateOptions,
  "chat" | "seed" | "maxNewTokens" | "roundsPerReadback" | "signal"
> {
  readonly decoder: DraftsDecoder;
}
