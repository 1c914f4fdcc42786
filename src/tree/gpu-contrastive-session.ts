/**
 * Contrastive search on the GPU: a round is a step, one pass over the candidates for the next token, of which one is kept.
 * A step is recorded once and replayed; several run per readback.
 */
import { CoppiceError } from "../errors.ts";
import {
  decodeRoundRecord,
  encodeTokenTree,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
} from "../model/index.ts";
import type { BufferScope, Gpu, Recording } from "../model/index.ts";
import { ContrastiveLogProbs } from "./contrastive-log-probs.ts";
import {
  type ContrastiveContext,
  ContrastiveState,
  recordContrast,
  recordOpening,
} from "./contrastive-recorder.ts";
import { EditState } from "./edit-state.ts";
import { HistoryState } from "./history-state.ts";
import type {
  NextOptions,
  RoundCounts,
  RoundOutcome,
  RoundSession,
  SequenceStart,
} from "./rounds.ts";
import { ringPart } from "./ring-part.ts";
import { checkStart } from "./start-check.ts";
import { TextCounts } from "./text-counts.ts";
import { TreeSession } from "./tree-session.ts";

export interface ContrastiveParts {
  readonly target: TreeSession;
  /** Candidates per step, 1..16; a smaller vocabulary has fewer. */
  readonly topK: number;
  /** 0..1: what likeness to the text counts, against probability. */
  readonly alpha: number;
  /** Whether logits are edited before candidates are taken; by what is said at the start of each text. */
  readonly edited: boolean;
  /** How many alternatives come with each token's log-probability; undefined: neither do. */
  readonly logProbabilities?: number | undefined;
}

/** Recorded for good. */
interface Recordings {
  readonly opening: Recording;
  readonly step: Recording;
}

export class GpuContrastiveSession implements RoundSession {
  readonly #context: ContrastiveContext;
  readonly #recordings: Recordings;
  /** Prompt and output so far; empty before `start`. */
  #tokens: number[] = [];
  #rounds = 0;
  #isOpen = false;
  readonly #counts: TextCounts;

  private constructor(context: ContrastiveContext, recordings: Recordings) {
    this.#context = context;
    this.#recordings = recordings;
    this.#counts = new TextCounts(context.gpu, context.target.model);
  }

  /** Compiles and records the step. `scope` owns the buffers of this session, among them a hidden state per position. */
  static async create(
    gpu: Gpu,
    scope: BufferScope,
    { target, topK, alpha, edited, logProbabilities: tops }: ContrastiveParts,
  ): Promise<GpuContrastiveSession> {
    const { contextLength } = target.model;
    const { vocabSize: vocab } = target.model.config;
    const k = Math.min(topK, vocab);
    const edits = edited ? new EditState(scope, vocab) : undefined;
    const shape = { vocab, rows: k, edited };
    const context: ContrastiveContext = {
      gpu,
      scope,
      target,
      k,
      alpha,
      state: new ContrastiveState(gpu, scope, target, k),
      ring: scope.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES),
      edits,
      said: tops === undefined ? undefined : new ContrastiveLogProbs(scope, { tops, ...shape }),
      text: edits && new HistoryState(scope, contextLength, edits),
    };
    const [opening, step] = [recordOpening(context), recordContrast(context)];
    await Promise.all([opening.ready(), step.ready()]);
    return new GpuContrastiveSession(context, { opening, step });
  }

  get contextLength(): number {
    return this.#context.target.model.contextLength;
  }

  get hasTimestamps(): boolean {
    return this.#context.gpu.device.features.has("timestamp-query");
  }

  get counts(): RoundCounts {
    return this.#counts.read(this.#recordings.step.dispatches.length);
  }

  async start(start: SequenceStart): Promise<void> {
    const { prompt, seed, maxNewTokens, endTokens, edits, written, sameText, signal } = start;
    const { scope, target, state, ring, k } = this.#context;
    checkStart(start, this.contextLength, this.#context.edits !== undefined);
    if (!sameText) this.#counts.restart();
    this.#rounds = 0;
    this.#isOpen = false;
    const base = prompt.length - 1;
    target.rewind(0);
    await target.prefill(prompt.slice(0, base), {
      after: (rows) => state.history.record(rows),
      signal,
    });
    this.#counts.targetForwards += TreeSession.chunks(base).length;
    const pending = prompt[base]!;
    const limit = Math.min(prompt.length + maxNewTokens, this.contextLength);
    const previous = prompt[base - 1] ?? 0;
    target.state.writeStart({ base, pending, previous, seed, limit }, endTokens);
    // The shape stays: a root, and a child per candidate, whose tokens every step writes anew.
    const child = { token: 0, parent: 0 };
    const tree = [{ token: pending, parent: -1 }, ...Array.from({ length: k }, () => child)];
    scope.write(target.state.tree, 0, encodeTokenTree(TARGET_TREE, tree));
    if (edits) this.#context.edits?.writeStart(edits, prompt, endTokens, written);
    this.#context.text?.writeStart(prompt);
    this.#context.said?.state.writeStart();
    // The last text's records must not be taken for this one's.
    scope.write(ring, 0, new Uint32Array(ring.size / 4));
    this.#tokens = [...prompt];
  }

  async next({ rounds = 1, timed = false }: NextOptions = {}): Promise<readonly RoundOutcome[]> {
    if (this.#tokens.length === 0)
      throw new CoppiceError(
        "internal",
        "next was called before start.",
        "Call start with a prompt.",
      );
    const { opening, step } = this.#recordings;
    const { ring, target, said } = this.#context;
    const first = this.#rounds;
    const at = first % RING_ROUNDS;
    // The records of one readback stand in one piece.
    const count = Math.min(rounds, RING_ROUNDS - at);
    const steps = Array.from({ length: count }, () => step);
    const slice = ringPart(ring, at, count, ROUND_RECORD_BYTES);
    const slices = said ? [slice, said.state.slice(at, count)] : [slice];
    const recordings = this.#isOpen ? steps : [opening, ...steps];
    const [records, logProbs] = await this.#counts.submitAndRead(recordings, slices, timed);
    this.#counts.targetForwards += count + (this.#isOpen ? 0 : 1);
    this.#isOpen = true;
    const outcomes: RoundOutcome[] = [];
    for (let i = 0; i < count; i++) {
      const record = decodeRoundRecord(records!, i, first + i);
      if (!record) break;
      const { base: _, ...given } = record;
      const told = logProbs && { logProbs: said!.state.decode(logProbs, i, given.tokens.length) };
      outcomes.push({ ...given, draftPasses: 0, ...told });
      this.#tokens.push(...given.tokens);
      this.#rounds += 1;
    }
    // The token that ends a text is not committed.
    target.noteCommitted(this.#tokens.length - 1);
    return outcomes;
  }
}
