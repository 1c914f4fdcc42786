/** The engine on ONNX Runtime: the models, and a session per request. It stands behind the same host as the GPU's. */
import { CoppiceError } from "../errors.ts";
import type { EngineCapabilities } from "../options.ts";
import type { ResolvedDecoder } from "../decoder/generate-options.ts";
import type { EngineFacts, ModelFacts } from "../stream-part.ts";
import type { RoundSession } from "../tree/rounds.ts";
import type { BackendTokenizer, EngineBackend } from "../worker/host-backend.ts";
import type { CachedModel } from "./cached-model.ts";
import { ChainSession } from "./chain-session.ts";

const CHAINS: EngineCapabilities = {
  decoders: ["greedy", "sample", "mirostat", "momentum", "speculative"],
  trees: ["chain"],
  verify: ["coupled"],
};

/** For graphs of others, whose rows may depend on one another: a draft might be seen in the text. */
const ONE_BY_ONE: EngineCapabilities = {
  ...CHAINS,
  decoders: CHAINS.decoders.filter((kind) => kind !== "speculative"),
  trees: [],
  verify: [],
};

export interface FallbackModel {
  readonly model: CachedModel;
  readonly facts: ModelFacts;
  /** Whether a row's logits are the same to the bit whatever rows are run beside it. */
  readonly rowInvariant: boolean;
  /** The only tokens to be drafted; undefined: all. */
  readonly vocabulary?: readonly number[] | undefined;
}

export interface FallbackParts {
  readonly target: FallbackModel;
  readonly draft: FallbackModel | undefined;
  readonly contextLength: number;
  readonly tokenizer: BackendTokenizer;
  readonly endOfText: readonly number[];
  /** Why it is not WebGPU, in words. */
  readonly reason: string;
  /** Of ONNX Runtime. */
  readonly version: string;
}

export class FallbackEngine implements EngineBackend {
  readonly facts: EngineFacts;
  readonly tokenizer: BackendTokenizer;
  readonly endOfText: ReadonlySet<number>;
  /** Nothing is waited for but the run itself. */
  readonly roundTrip = 0;
  /** Superposed drafts are not offered. */
  readonly ngrams = { read: () => Promise.resolve(undefined) };
  readonly #target: CachedModel;
  readonly #draft: FallbackModel | undefined;

  constructor(parts: FallbackParts) {
    const { target, draft, tokenizer, endOfText, contextLength, reason, version } = parts;
    this.#target = target.model;
    this.#draft = draft;
    this.tokenizer = tokenizer;
    this.endOfText = new Set(endOfText);
    this.facts = {
      device: "wasm",
      deviceReason: reason,
      capabilities: target.rowInvariant ? CHAINS : ONE_BY_ONE,
      adapter: {
        vendor: "",
        architecture: "wasm",
        device: "",
        description: `ONNX Runtime ${version} (WebAssembly, one thread)`,
        fallback: true,
        features: [],
      },
      contextLength,
      vocabSize: target.model.vocabSize,
      target: target.facts,
      ...(draft && { draft: draft.facts }),
      gpuBytes: 0,
    };
  }

  openSession(decoder: ResolvedDecoder): Promise<RoundSession> {
    const { stages, mirostat, momentum, speculation, edited = false, logProbabilities } = decoder;
    const tree = speculation?.tree;
    if (decoder.contrastive || (tree && tree.kind !== "chain")) return refused();
    const rules = { stages, mirostat, momentum, edited, logProbabilities };
    const { model: draft, vocabulary } = this.#draft ?? {};
    return Promise.resolve(
      new ChainSession({
        target: this.#target,
        rules,
        speculation: tree && draft && { draft, length: tree.length, vocabulary },
      }),
    );
  }

  openSuperposed(): Promise<never> {
    return refused();
  }

  openBeams(): Promise<never> {
    return refused();
  }

  openSamples(): Promise<never> {
    return refused();
  }

  dispose(): void {
    void this.#target.dispose();
    void this.#draft?.model.dispose();
  }
}

/** The host asks for nothing that the capabilities leave out. */
function refused(): Promise<never> {
  const message = "The fallback was asked for a decoder that it does not offer.";
  return Promise.reject(new CoppiceError("decoder-unsupported", message, "Use another decoder."));
}
