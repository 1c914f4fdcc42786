/** A sequence on the GPU: prefills two caches, then replays one recorded round per call of `next`. */
import { CoppiceError } from "../errors.ts";
import {
  CONTROL,
  decodeRoundRecord,
  decodeTokenTree,
  DISPATCHES_PER_LAYER,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, Gpu, Recording } from "../model/index.ts";
import { CandidateState } from "./candidate-state.ts";
import { recordPlainRound, recordTreeRound } from "./round-recorder.ts";
import { isRejecting, type RoundRules } from "./round-rules.ts";
import type {
  NextOptions,
  RoundCounts,
  RoundOutcome,
  RoundSession,
  SequenceStart,
} from "./rounds.ts";
import { MAX_NODES } from "./tree-plan.ts";
import type { TreePlan } from "./tree-plan.ts";
import { TreeSession } from "./tree-session.ts";

/** The models of a sequence and what they draft; without a plan every round scores the pending token alone. */
export interface RoundSessionParts {
  readonly target: TreeSession;
  readonly rules: RoundRules;
  readonly speculation?: { readonly draft: TreeSession; readonly plan: TreePlan };
}

/** Counted by the host's GPU object; a session reports differences since `start`. */
interface Baseline {
  readonly submits: number;
  readonly readbacks: number;
}

export class GpuRoundSession implements RoundSession {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #target: TreeSession;
  readonly #draft: TreeSession | undefined;
  readonly #plan: TreePlan | undefined;
  readonly #plain: Recording;
  readonly #speculative: Recording | undefined;
  readonly #ring: BufferSlice;
  #started = false;
  #rounds = 0;
  #pending = 0;
  #targetForwards = 0;
  #draftForwards = 0;
  #baseline: Baseline = { submits: 0, readbacks: 0 };

  private constructor(
    gpu: Gpu,
    scope: BufferScope,
    parts: RoundSessionParts,
    ring: BufferSlice,
    plain: Recording,
    speculative?: Recording,
  ) {
    this.#gpu = gpu;
    this.#scope = scope;
    this.#target = parts.target;
    this.#draft = parts.speculation?.draft;
    this.#plan = parts.speculation?.plan;
    this.#ring = ring;
    this.#plain = plain;
    this.#speculative = speculative;
  }

  /** Compiles what the rounds need and records them. `scope` owns the buffers of this session. */
  static async create(
    gpu: Gpu,
    scope: BufferScope,
    parts: RoundSessionParts,
  ): Promise<GpuRoundSession> {
    const ring = scope.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES);
    const { target, rules, speculation } = parts;
    const drawsRows = speculation && (isRejecting(rules) || speculation.plan.growth !== "top");
    const rowBytes = MAX_NODES * target.model.config.vocabSize * 4;
    const buffers = {
      ids: scope.storage("ids", MAX_NODES * 4),
      ring,
      draftRows: scope.storage("draft rows", drawsRows ? rowBytes : 0),
    };
    const plain = await recordPlainRound(gpu, scope, target, rules, buffers);
    if (!speculation) return new GpuRoundSession(gpu, scope, parts, ring, plain);
    const drafting = { ...speculation, candidates: new CandidateState(scope) };
    const speculative = await recordTreeRound(gpu, scope, target, rules, drafting, buffers);
    return new GpuRoundSession(gpu, scope, parts, ring, plain, speculative);
  }

  get contextLength(): number {
    return this.#target.model.contextLength;
  }

  get counts(): RoundCounts {
    const { counters } = this.#gpu;
    return {
      submits: counters.submits - this.#baseline.submits,
      readbacks: counters.readbacks - this.#baseline.readbacks,
      targetForwards: this.#targetForwards,
      draftForwards: this.#draftForwards,
      dispatchesPerLayer: DISPATCHES_PER_LAYER,
      dispatchesPerRound: (this.#speculative ?? this.#plain).dispatches.length,
      gpuBytes: this.#gpu.bytes,
    };
  }

  async start({ prompt, seed, maxNewTokens, endTokens }: SequenceStart): Promise<void> {
    if (prompt.length < 1 || prompt.length >= this.contextLength) {
      throw new CoppiceError(
        "context-overflow",
        `A prompt of ${prompt.length} tokens does not fit a context of ${this.contextLength} with room for one more.`,
        "Give 1 token or more, shorten the prompt, or load the engine with a larger contextLength.",
      );
    }
    const { submits, readbacks } = this.#gpu.counters;
    this.#baseline = { submits, readbacks };
    this.#rounds = 0;
    const base = prompt.length - 1;
    this.#target.rewind(0);
    await this.#target.prefill(prompt.slice(0, base));
    this.#targetForwards = TreeSession.chunks(base).length;
    if (this.#draft) {
      const drafted = Math.max(0, base - 1);
      this.#draft.rewind(0);
      await this.#draft.prefill(prompt.slice(0, drafted));
      this.#draftForwards = TreeSession.chunks(drafted).length;
    }
    const pending = prompt[base]!;
    const limit = Math.min(prompt.length + maxNewTokens, this.contextLength);
    const previous = prompt[base - 1] ?? 0;
    this.#target.state.writeStart({ base, pending, previous, seed, limit }, endTokens);
    // The last sequence's records must not be taken for this one's.
    this.#scope.write(this.#ring, 0, new Uint32Array(this.#ring.size / 4));
    this.#pending = pending;
    this.#started = true;
  }

  async next(options: NextOptions = {}): Promise<readonly RoundOutcome[]> {
    if (!this.#started)
      throw new CoppiceError(
        "internal",
        "next was called before start.",
        "Call start with a prompt.",
      );
    // With a prompt of one token there is none before the root for the draft to start from.
    const speculative = this.#target.length > 0 ? this.#speculative : undefined;
    const first = this.#rounds;
    const at = first % RING_ROUNDS;
    const wanted = speculative || !this.#speculative ? (options.rounds ?? 1) : 1;
    // The records of one readback stand in one piece.
    const rounds = Math.min(wanted, RING_ROUNDS - at);
    const showTree = options.trees === true && speculative !== undefined && rounds === 1;
    const [records, tree, control] = await this.#gpu.submitAndRead(
      Array.from({ length: rounds }, () => speculative ?? this.#plain),
      [
        slicePart(this.#ring, at * ROUND_RECORD_BYTES, rounds * ROUND_RECORD_BYTES),
        ...(showTree ? [this.#target.state.tree, this.#target.state.control] : []),
      ],
    );
    this.#targetForwards += rounds;
    if (speculative) this.#draftForwards += rounds * this.#plan!.levels.length;

    const outcomes: RoundOutcome[] = [];
    for (let i = 0; i < rounds; i++) {
      const record = decodeRoundRecord(records!, i, first + i);
      if (!record) break;
      const { base, ...outcome } = record;
      const root = this.#pending;
      this.#rounds += 1;
      this.#pending = outcome.tokens.at(-1)!;
      this.#target.noteCommitted(base + outcome.tokens.length);
      const shown = showTree ? snapshot(root, outcome, tree!, control!) : {};
      outcomes.push({ ...outcome, ...shown });
    }
    return outcomes;
  }
}

function slicePart(slice: BufferSlice, offset: number, size: number): BufferSlice {
  return { ...slice, offset: slice.offset + offset, size };
}

/** The kernels take the root's token from the control block, so the tree on the GPU does not hold it. */
function snapshot(
  root: number,
  { nodes, accepted }: RoundOutcome,
  tree: ArrayBuffer,
  control: ArrayBuffer,
): Pick<RoundOutcome, "tree" | "path"> {
  const decoded = decodeTokenTree(tree, TARGET_TREE, nodes);
  return {
    tree: { ...decoded, tokens: [root, ...decoded.tokens.slice(1)] },
    // Read here, since the control block of a text that ended says that nothing was kept.
    path: [...new Uint32Array(control, CONTROL.offsets.path, accepted + 1)],
  };
}
