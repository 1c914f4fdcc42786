/**
 * What decoders see of the engine: a sequence that grows by rounds. No GPU types here, so a decoder can be
 * run against a table-driven fake.
 */
import type { DrawnSurprise } from "../model/index.ts";

import type { ResolvedEdits } from "../options.ts";

/** Where an accepted token stood in its tree, by draw order and by how sure the draft was of it. */
export interface PathStep {
  /** How many siblings were drawn before it. */
  readonly rank: number;
  /** How many nodes of the tree, the root included, were surer. */
  readonly place: number;
  /** How many nodes of its level were surer. */
  readonly placeInLevel: number;
}

/** A token tree as numbers, struct of arrays; node 0 is the root. */
export interface TreeRecord {
  readonly tokens: readonly number[];
  /** -1 for the root. */
  readonly parents: readonly number[];
  readonly depths: readonly number[];
  readonly scores: readonly number[];
  /** Each node's under the target's own distribution, after its parent; present in a session made for log-probabilities. */
  readonly logProbabilities?: readonly number[];
}

/** The parts of a round whose time is told apart. */
export type Phase = "draft" | "score" | "verify" | "commit";

/** What the model itself said of a token. */
export interface TokenLogProb {
  /** Nats. */
  readonly logProbability: number;
  /** The most probable tokens in its place, best first. */
  readonly top: readonly { readonly id: number; readonly logProbability: number }[];
}

/** What one round gave. */
export interface RoundOutcome {
  /** The accepted draft tokens, then one token of the target's own: 1..64. */
  readonly tokens: readonly number[];
  /** How many of `tokens` were drafted. */
  readonly accepted: number;
  /** True when the walk ended at a leaf of the tree: the last token is a bonus token, else a recovered one. */
  readonly leaf: boolean;
  /** Nodes the target scored; 1 means no speculation. */
  readonly nodes: number;
  /** Length of the longest path in the tree that was scored; 0 means no speculation. */
  readonly depth: number;
  /** Passes of the draft, one after another. */
  readonly draftPasses: number;
  /** With Mirostat: what each of `tokens` was drawn with. */
  readonly surprises?: readonly DrawnSurprise[];
  /** Per accepted token, where it stood in the tree. */
  readonly steps: readonly PathStep[];
  /** Per node of the kept path, root first: how sure the draft was of the surest child; 0 where there was none. */
  readonly sureness: readonly number[];
  /** One per token; present in a session made for it. */
  readonly logProbs?: readonly TokenLogProb[];
  /** Present when asked for. */
  readonly tree?: TreeRecord;
  /** Nodes kept, root first; present with `tree`. */
  readonly path?: readonly number[];
}

/** Counts of one text since its first `start`. */
export interface RoundCounts {
  readonly submits: number;
  readonly readbacks: number;
  readonly targetForwards: number;
  readonly draftForwards: number;
  readonly dispatchesPerLayer: number;
  readonly dispatchesPerRound: number;
  readonly gpuBytes: number;
  /** Milliseconds of GPU time since `start`, where `timed` was asked for and the device has timestamps. */
  readonly phaseTimes?: Readonly<Record<Phase, number>>;
}

/** Where a sequence starts and where it may end. */
export interface SequenceStart {
  /** 1..contextLength - 1 ids. */
  readonly prompt: readonly number[];
  /** What drawn tokens depend on: a 32-bit unsigned integer. */
  readonly seed: number;
  /** New tokens after which no further round is needed, 1 up. */
  readonly maxNewTokens: number;
  /** Ids after which no further round is needed. */
  readonly endTokens: readonly number[];
  /** For a session made for edits. Default: none. */
  readonly edits?: ResolvedEdits;
  /** New tokens of this text before: all stand before the end of `prompt`, though `prompt` need not have them all. Default 0. */
  readonly written?: number;
  /** Where Mirostat's mu stands, in bits. Default: where it starts. */
  readonly mu?: number;
  /** Aborts a long prompt's prefill. */
  readonly signal?: AbortSignal;
  /** Whether this goes on with the last text, so that its counts go on, too. Default false. */
  readonly sameText?: boolean;
}

export interface NextOptions {
  /** Which of the session's plans the rounds follow, or none of them. Default 0, the first, where there is one. */
  readonly plan?: number | "plain";
  /** What the scores that rank a best-first tree are divided by, above 0. Default: as the plan says. */
  readonly confidence?: number;
  /** Adds the tree to the outcome; needs `rounds` 1. */
  readonly trees?: boolean;
  /** Counts the GPU's time per phase. Costs a little of it. Default false. */
  readonly timed?: boolean;
  /** Rounds that run before anything is read back, 1..16. Default 1. */
  readonly rounds?: number;
}

/** One sequence: start it with a prompt, then call `next` for rounds. */
export interface RoundSession {
  /** Tokens the sequence may hold, prompt included. */
  readonly contextLength: number;
  /** Whether the device can tell how long its work takes. */
  readonly hasTimestamps: boolean;
  /** Forgets the last sequence and fills the caches with all but the last token of the prompt. */
  start(start: SequenceStart): Promise<void>;
  /**
   * Runs rounds in one submission with one readback: what each gave, in order. Fewer than asked for where the text ended
   * or became as long as it may be; at least one unless that had happened before.
   */
  next(options?: NextOptions): Promise<readonly RoundOutcome[]>;
  readonly counts: RoundCounts;
}
