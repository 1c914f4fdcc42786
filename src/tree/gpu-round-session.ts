/** A sequence on the GPU: prefills two caches, then replays one recorded round per call of `next`. */
import { CoppiceError } from "../errors.ts";
import {
  CONTROL,
  decodeRoundRecord,
  decodeTokenTree,
  RING_ROUNDS,
  ROUND_RECORD_BYTES,
  TARGET_TREE,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, Gpu, Recording } from "../model/index.ts";
import { CandidateState } from "./candidate-state.ts";
import { EditState } from "./edit-state.ts";
import { HistoryState } from "./history-state.ts";
import { LogProbState, recordNodeLogProbs } from "./log-prob-recorder.ts";
import { drawnSurprises, MirostatState } from "./mirostat-recorder.ts";
import { MomentumState } from "./momentum-recorder.ts";
import { recordPlainRound, recordTreeRound } from "./round-recorder.ts";
import type { RoundBuffers } from "./round-context.ts";
import { rejectingRule, type RoundRules, rulesOf } from "./round-rules.ts";
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
import { MAX_NODES } from "./tree-plan.ts";
import type { TreePlan } from "./tree-plan.ts";
import { TreeSession } from "./tree-session.ts";

/** The models of a sequence and what they draft; without speculation every round scores the pending token alone. */
export interface RoundSessionParts {
  readonly target: TreeSession;
  readonly rules: RoundRules;
  /** Each round follows one of `plans`, or none. */
  readonly speculation?: { readonly draft: TreeSession; readonly plans: readonly TreePlan[] };
}

/** A plan and its round, recorded. */
interface TreeRound {
  readonly plan: TreePlan;
  readonly recording: Recording;
  /** What the target says of the tree's nodes, where log-probabilities are asked for. */
  readonly said?: Recording;
}

export class GpuRoundSession implements RoundSession {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #target: TreeSession;
  readonly #draft: TreeSession | undefined;
  readonly #plain: Recording;
  readonly #trees: readonly TreeRound[];
  readonly #ring: BufferSlice;
  readonly #edits: EditState | undefined;
  readonly #history: HistoryState | undefined;
  readonly #mirostat: MirostatState | undefined;
  readonly #sharpness: BufferSlice;
  /** What `#sharpness` was set for. */
  #confidence: number | undefined;
  readonly #logProbs: LogProbState | undefined;
  /** Prompt and output so far; empty before `start`. */
  #tokens: number[] = [];
  #rounds = 0;
  readonly #counts: TextCounts;

  private constructor(
    gpu: Gpu,
    scope: BufferScope,
    parts: RoundSessionParts,
    { ring, sharpness, edits, history, mirostat, logProbs }: RoundBuffers,
    plain: Recording,
    trees: readonly TreeRound[],
  ) {
    this.#gpu = gpu;
    this.#counts = new TextCounts(gpu, parts.target.model);
    this.#scope = scope;
    this.#target = parts.target;
    this.#draft = parts.speculation?.draft;
    this.#ring = ring;
    this.#edits = edits;
    this.#history = history;
    this.#mirostat = mirostat;
    this.#sharpness = sharpness;
    this.#logProbs = logProbs;
    this.#plain = plain;
    this.#trees = trees;
  }

  /** Compiles what the rounds need and records them. `scope` owns the buffers of this session. */
  static async create(
    gpu: Gpu,
    scope: BufferScope,
    parts: RoundSessionParts,
  ): Promise<GpuRoundSession> {
    const ring = scope.storage("ring", RING_ROUNDS * ROUND_RECORD_BYTES);
    const { target, rules, speculation } = parts;
    const plans = speculation?.plans ?? [];
    const keepsRows = plans.some(
      (plan) => rejectingRule(rulesOf(rules, plan)) !== undefined || plan.growth !== "top",
    );
    const { contextLength } = target.model;
    const { vocabSize } = target.model.config;
    const rowBytes = MAX_NODES * vocabSize * 4;
    const edits = rules.edited ? new EditState(scope, vocabSize) : undefined;
    const goesByText = edits !== undefined || rules.momentum !== undefined;
    const buffers = {
      ids: scope.storage("ids", MAX_NODES * 4),
      ring,
      sharpness: scope.storage("sharpness", 4),
      draftRows: scope.storage("draft rows", keepsRows ? rowBytes : 0),
      edits,
      history: goesByText ? new HistoryState(scope, contextLength, edits) : undefined,
      momentum: rules.momentum && new MomentumState(scope, rules.momentum),
      mirostat: rules.mirostat && new MirostatState(scope, rules.mirostat),
      logProbs: logProbState(scope, vocabSize, rules, plans),
    };
    const plain = recordPlainRound(gpu, scope, target, rules, buffers);
    const trees: TreeRound[] = [];
    if (speculation) {
      const { draft } = speculation;
      const candidates = new CandidateState(scope);
      for (const plan of plans) {
        const drafting = { draft, plan, candidates };
        const recording = recordTreeRound(gpu, scope, target, rules, drafting, buffers);
        const { logProbs } = buffers;
        const said = logProbs && recordNodeLogProbs({ gpu, scope, target }, logProbs, plan.nodes);
        trees.push({ plan, recording, ...(said && { said }) });
      }
    }
    const recorded = trees.flatMap(({ recording, said }) => (said ? [recording, said] : recording));
    await Promise.all([plain, ...recorded].map((recording) => recording.ready()));
    return new GpuRoundSession(gpu, scope, parts, buffers, plain, trees);
  }

  get contextLength(): number {
    return this.#target.model.contextLength;
  }

  get hasTimestamps(): boolean {
    return this.#gpu.device.features.has("timestamp-query");
  }

  get counts(): RoundCounts {
    return this.#counts.read((this.#trees[0]?.recording ?? this.#plain).dispatches.length);
  }

  async start(start: SequenceStart): Promise<void> {
    const { prompt, seed, maxNewTokens, endTokens, edits, written, mu, sameText, signal } = start;
    checkStart(start, this.contextLength, this.#edits !== undefined);
    if (!sameText) this.#counts.restart();
    this.#rounds = 0;
    const base = prompt.length - 1;
    this.#target.rewind(0);
    await this.#target.prefill(prompt.slice(0, base), { signal });
    this.#counts.targetForwards += TreeSession.chunks(base).length;
    this.#draft?.rewind(0);
    const pending = prompt[base]!;
    const limit = Math.min(prompt.length + maxNewTokens, this.contextLength);
    const previous = prompt[base - 1] ?? 0;
    this.#target.state.writeStart({ base, pending, previous, seed, limit }, endTokens);
    this.#logProbs?.writeStart();
    if (edits) this.#edits?.writeStart(edits, prompt, endTokens, written);
    this.#history?.writeStart(prompt);
    // The last sequence's records must not be taken for this one's.
    this.#scope.write(this.#ring, 0, new Uint32Array(this.#ring.size / 4));
    this.#mirostat?.writeStart(mu);
    this.#tokens = [...prompt];
    if (this.#trees.length > 0) await this.#catchUp(signal);
  }

  async next(options: NextOptions = {}): Promise<readonly RoundOutcome[]> {
    if (this.#tokens.length === 0)
      throw new CoppiceError(
        "internal",
        "next was called before start.",
        "Call start with a prompt.",
      );
    const {
      plan: choice = 0,
      trees: wantsTrees = false,
      rounds: wanted = 1,
      timed = false,
      confidence,
    } = options;
    const chosen = choice === "plain" ? undefined : this.#trees[choice];
    // With a prompt of one token there is none before the root for the draft to start from.
    const isWaiting = chosen !== undefined && this.#tokens.length < 2;
    const tree = isWaiting ? undefined : chosen;
    if (tree) {
      await this.#catchUp();
      this.#setConfidence(confidence ?? tree.plan.confidence);
    }
    const first = this.#rounds;
    const at = first % RING_ROUNDS;
    // The records of one readback stand in one piece.
    const rounds = isWaiting ? 1 : Math.min(wanted, RING_ROUNDS - at);
    const showTree = wantsTrees && tree !== undefined && rounds === 1;
    const { state } = this.#target;
    const said = showTree ? tree.said : undefined;
    const [ring, ...more] = await this.#counts.submitAndRead(
      [
        ...Array.from({ length: rounds }, () => tree?.recording ?? this.#plain),
        ...(said ? [said] : []),
      ],
      [
        ringPart(this.#ring, at, rounds, ROUND_RECORD_BYTES),
        ...(this.#logProbs ? [this.#logProbs.slice(at, rounds)] : []),
        ...(showTree ? [state.tree, state.control] : []),
        ...(said ? [this.#logProbs!.ofNodes] : []),
        ...(this.#mirostat ? [this.#mirostat.slice(at, rounds)] : []),
      ],
      timed,
    );
    const logProbs = this.#logProbs && more.shift();
    this.#counts.targetForwards += rounds;
    this.#counts.draftForwards += rounds * (tree?.plan.levels.length ?? 0);

    const surprises = this.#mirostat && more.pop();
    const outcomes: RoundOutcome[] = [];
    for (let i = 0; i < rounds; i++) {
      const record = decodeRoundRecord(ring!, i, first + i);
      if (!record) break;
      const { base: _, ...given } = record;
      const outcome = { ...given, draftPasses: tree?.plan.levels.length ?? 0 };
      const root = this.#tokens.at(-1)!;
      const shown = showTree ? snapshot(root, outcome, more) : {};
      const drawn = drawnSurprises(surprises, i, outcome.tokens.length);
      const told = logProbs && this.#logProbs?.decode(logProbs, i, outcome.tokens.length);
      outcomes.push({ ...outcome, ...drawn, ...shown, ...(told && { logProbs: told }) });
      this.#tokens.push(...outcome.tokens);
      this.#rounds += 1;
    }
    this.#target.noteCommitted(this.#tokens.length - 1);
    if (tree) this.#draft!.noteCommitted(this.#tokens.length - 2);
    return outcomes;
  }

  /** The recordings read it from a buffer: all that a page changes between rounds. */
  #setConfidence(confidence: number): void {
    if (confidence === this.#confidence) return;
    this.#confidence = confidence;
    this.#scope.write(this.#sharpness, 0, Float32Array.of(1 / confidence));
  }

  /** Puts into the draft's cache what was decoded without it: all but the last two tokens, which its next pass takes. */
  async #catchUp(signal?: AbortSignal): Promise<void> {
    const draft = this.#draft!;
    const missing = this.#tokens.slice(draft.length, Math.max(0, this.#tokens.length - 2));
    if (missing.length === 0) return;
    await draft.prefill(missing, { signal });
    this.#counts.draftForwards += TreeSession.chunks(missing.length).length;
  }
}

/** Where the rounds of these plans put log-probabilities, if anybody asks for them. */
function logProbState(
  scope: BufferScope,
  vocab: number,
  rules: RoundRules,
  plans: readonly TreePlan[],
): LogProbState | undefined {
  const { logProbabilities: tops, stages, mirostat, edited = false } = rules;
  if (tops === undefined) return undefined;
  return new LogProbState(scope, {
    tops,
    vocab,
    width: 1 + Math.max(0, ...plans.map(({ levels }) => levels.length)),
    nodes: Math.max(1, ...plans.map(({ nodes }) => nodes)),
    // Mirostat leaves the target's rows as they are.
    overwritten: edited || (stages.temperature > 0 && mirostat === undefined),
  });
}

/** The kernels take the root's token from the control block, so the tree on the GPU does not hold it. */
function snapshot(
  root: number,
  { nodes, accepted }: RoundOutcome,
  [tree, control, logProbs]: readonly ArrayBuffer[],
): Pick<RoundOutcome, "tree" | "path"> {
  const decoded = decodeTokenTree(tree!, TARGET_TREE, nodes);
  return {
    tree: {
      ...decoded,
      tokens: [root, ...decoded.tokens.slice(1)],
      ...(logProbs && { logProbabilities: [...new Float32Array(logProbs, 0, nodes)] }),
    },
    // Read here, since the control block of a text that ended says that nothing was kept.
    path: [...new Uint32Array(control!, CONTROL.offsets.path, accepted + 1)],
  };
}
