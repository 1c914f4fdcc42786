/** What the host needs of the engine: so that it can be tested with a fake one. */
import type { ResolvedLoad } from "../decoder/load-options.ts";
import type { PromptEncoder } from "../decoder/prompt.ts";
import type { TextDecoder } from "../decoder/decode.ts";
import type { ResolvedDecoder } from "../decoder/generate-options.ts";
import type { ResolvedTokenizer } from "../decoder/tokenizer-option.ts";
import type {
  FileProgress,
  FileSummary,
  OpenedSource,
  OpenSourceOptions,
} from "../model/source/index.ts";
import type { ChatMessage, ChatOptions } from "../options.ts";
import type { EngineFacts, LoadProgress } from "../stream-part.ts";
import type { BeamSession } from "../tree/beam-steps.ts";
import type { BeamShape, SamplesShape, SuperposedParts } from "../tree/index.ts";
import type { RoundSession } from "../tree/rounds.ts";
import type { SamplesSession } from "../tree/sample-steps.ts";
import type { NgramSection, SuperposedSession } from "../tree/superposed-steps.ts";

/** Loaded models on one device. */
export interface EngineBackend {
  readonly facts: EngineFacts;
  readonly tokenizer: BackendTokenizer;
  /** Ids that end the text. */
  readonly endOfText: ReadonlySet<number>;
  /** Milliseconds of a round trip to the GPU without work, measured at load. */
  readonly roundTrip: number;
  /** A session for this decoder; the one before it is not used any more. */
  openSession(decoder: ResolvedDecoder): Promise<RoundSession>;
  /** The table of n-grams that came with the target, read when first asked for; undefined where there is none. */
  readonly ngrams: { read(): Promise<readonly NgramSection[] | undefined> };
  /** A session for superposed drafts. `key` names the plan: the session before it is used again where it is the same. */
  openSuperposed(key: string, plan: SuperposedPlan): Promise<SuperposedSession>;
  openBeams(shape: BeamShape): Promise<BeamSession>;
  openSamples(shape: SamplesShape): Promise<SamplesSession>;
  /** Frees everything on the GPU, and the device. */
  dispose(): void;
}

export type SuperposedPlan = Omit<SuperposedParts, "target">;

export interface BackendTokenizer extends PromptEncoder {
  /** The text of a token that follows another, for display. */
  textOf(id: number, previous: number | undefined): string;
  /** From messages to text. @throws CoppiceError `chat-template-missing`, `chat-template-failed`. */
  formatChat(messages: readonly ChatMessage[], options: ChatOptions): string;
  /** `previous` are the ids before it: they decide whether a first space is kept. */
  textDecoder(previous: readonly number[]): TextDecoder;
}

/** How far a file of a model has been read. */
export interface ModelProgress extends FileProgress {
  readonly model: LoadProgress["model"];
}

export interface LoadHooks {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: ModelProgress) => void;
  /** Told of each source that was opened, and of the files that will be read from it, where they are known. */
  readonly onOpen?: (
    model: LoadProgress["model"],
    source: OpenedSource,
    files: readonly FileSummary[],
  ) => void;
  /** How sources are opened. Default: from Hugging Face's hub, and nothing is kept. */
  readonly sources?: OpenSourceOptions;
  /** The target's tokenizer, where the page handed one in. */
  readonly tokenizer?: ResolvedTokenizer | undefined;
}

/** Loads models. On failure, or when aborted, everything is freed before it rejects. */
export type OpenBackend = (options: ResolvedLoad, hooks: LoadHooks) => Promise<EngineBackend>;
