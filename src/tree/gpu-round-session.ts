/** A sequence on the GPU: prefills two caches, then replays one recorded round per call of `next`. */
import { CoppiceError } from "../errors.ts";
import {
  decodeControl,
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
import type { RoundCounts, RoundOutcome, RoundSession } from "./rounds.ts";
import { MAX_NODES } from "./tree-plan.ts";
import type { TreePlan } from "./tree-plan.ts";
import { TreeSession } from "./tree-session.ts";

/** The models of a sequence and what they draft; without a plan every round scores the pending token alone. */
export interface RoundSessionParts {
  readonly target: TreeSession;
  readonly speculation?: { readonly draft: TreeSession; readonly plan: TreePlan };
}

/** Counted by the host's GPU object; a session reports differences since `start`. */
interface Baseline {
  readonly submits: number;
  readonly readbacks: number;
}

export class GpuRoundSession implements RoundSession {
  readonly #gpu: Gpu;
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
    parts: RoundSessionParts,
    ring: BufferSlice,
    plain: Recording,
    speculative?: Recording,
  ) {
    this.#gpu = gpu;
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
    const buffers = { ids: scope.storage("ids", MAX_NODES * 4), ring };
    const plain = await recordPlainRound(gpu, scope, parts.target, buffers);
    if (!parts.speculation) return new GpuRoundSession(gpu, parts, ring, plain);
    const { draft, plan } = parts.speculation;
    const candidates = new CandidateState(scope);
    const speculative = await recordTreeRound(
      gpu,
      scope,
      parts.target,
      draft,
      candidates,
      plan,
      buffers,
    );
    return new GpuRoundSession(gpu, parts, ring, plain, speculative);
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

  async start(prompt: readonly number[]): Promise<void> {
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
    this.#target.state.writeStart(base, prompt[base]!, prompt[base - 1] ?? 0);
    this.#pending = prompt[base]!;
    this.#started = true;
  }

  async next(options: { readonly trees?: boolean } = {}): Promise<RoundOutcome> {
    if (!this.#started)
      throw new CoppiceError(
        "internal",
        "next was called before start.",
        "Call start with a prompt.",
      );
    // With a prompt of one token there is none before the root for the draft to start from.
    const speculative = this.#target.length > 0 ? this.#speculative : undefined;
    const at = (this.#rounds % RING_ROUNDS) * ROUND_RECORD_BYTES;
    const slices: BufferSlice[] = [
      { ...this.#ring, offset: this.#ring.offset + at, size: ROUND_RECORD_BYTES },
    ];
    const showTree = options.trees === true && speculative !== undefined;
    if (showTree) slices.push(this.#target.state.tree, this.#target.state.control);
    const bytes = await this.#gpu.submitAndRead([speculative ?? this.#plain], slices);
    const record = decodeRoundRecord(bytes[0]!);
    this.#rounds += 1;
    this.#targetForwards += 1;
    if (speculative) this.#draftForwards += this.#plan!.levels.length;
    this.#target.noteCommitted(record.base + record.accepted + 1);
    const outcome: RoundOutcome = {
      tokens: record.tokens,
      accepted: record.accepted,
      leaf: record.leaf,
      nodes: record.nodes,
      depth: speculative ? this.#plan!.levels.length : 0,
    };
    const root = this.#pending;
    this.#pending = record.tokens.at(-1)!;
    return showTree
      ? { ...outcome, ...snapshot(root, record.nodes, bytes[1]!, bytes[2]!) }
      : outcome;
  }
}

/** The kernels take the root's token from the control block, so the tree on the GPU does not hold it. */
function snapshot(
  root: number,
  nodes: number,
  tree: ArrayBuffer,
  control: ArrayBuffer,
): Pick<RoundOutcome, "tree" | "path"> {
  const decoded = decodeTokenTree(tree, TARGET_TREE, nodes);
  return {
    tree: { ...decoded, tokens: [root, ...decoded.tokens.slice(1)] },
    path: decodeControl(control).path,
  };
}
