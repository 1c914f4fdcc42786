/**
 * Superposed drafts on the GPU: one chain of passes, each over the mix of all drafts' last tokens, and a step after each
 * pass that scores and chooses. A step is recorded once and replayed; several run per readback.
 */
import { CoppiceError } from "../errors.ts";
import {
  CANDIDATE_BYTES,
  decodeStepRecord,
  DRAFTS,
  encodeDrafts,
  encodeSections,
  recordLayers,
  recordMix,
  RING_STEPS,
  SECTIONS_HEADER,
  sectionWords,
  STEP_RECORD,
  superposeStep,
  superposeStepGrid,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../model/index.ts";
import type {
  BufferScope,
  BufferSlice,
  Choice,
  Gpu,
  Recording,
  ScaledSection,
} from "../model/index.ts";
import type { RoundCounts } from "./rounds.ts";
import type { SuperposedSession, SuperposedStart } from "./superposed-steps.ts";
import { ringPart } from "./ring-part.ts";
import { TextCounts } from "./text-counts.ts";
import { TreeSession } from "./tree-session.ts";

export interface SuperposedParts {
  readonly target: TreeSession;
  /** How many drafts, 2..10. */
  readonly drafts: number;
  /** Tokens that a step chooses from, 1..64 and no more than the vocabulary has. */
  readonly candidates: number;
  /** The n-grams' share; 0 where there are none. */
  readonly alpha: number;
  readonly temperature: number;
  /** N-grams that stay the same. */
  readonly ngrams: readonly ScaledSection[];
  /** Whether `start` brings n-grams of its own, as many as one count of a prompt gives. */
  readonly takesMore: boolean;
}

/** Words per token that n-grams of orders 2 to 6 can take: 1 to 5 for a key, one for a start, two for an entry. */
const WORDS_PER_TOKEN = 15 + 5 + 10;

interface Buffers {
  readonly drafts: BufferSlice;
  readonly candidates: BufferSlice;
  readonly ngrams: BufferSlice;
  readonly ring: BufferSlice;
}

export class GpuSuperposedSession implements SuperposedSession {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #parts: SuperposedParts;
  readonly #buffers: Buffers;
  readonly #step: Recording;
  /** Tokens that the target's cache holds as they are, while `rewinds` says that nobody else has used it. */
  #cached: readonly number[] = [];
  #rewinds = -1;
  #steps = 0;
  readonly #counts: TextCounts;

  private constructor(
    gpu: Gpu,
    scope: BufferScope,
    parts: SuperposedParts,
    buffers: Buffers,
    step: Recording,
  ) {
    this.#gpu = gpu;
    this.#counts = new TextCounts(gpu, parts.target.model);
    this.#scope = scope;
    this.#parts = parts;
    this.#buffers = buffers;
    this.#step = step;
  }

  /** Compiles and records the step, and uploads the n-grams. `scope` owns the buffers of this session. */
  static async create(
    gpu: Gpu,
    scope: BufferScope,
    parts: SuperposedParts,
  ): Promise<GpuSuperposedSession> {
    const { header, arrays } = encodeSections(parts.ngrams);
    const room = parts.takesMore ? WORDS_PER_TOKEN * parts.target.model.contextLength + 8 : 0;
    const buffers = {
      drafts: scope.storage("drafts", DRAFTS.bytes),
      candidates: scope.storage("candidates", parts.candidates * CANDIDATE_BYTES),
      ngrams: scope.storage("n-grams", (header.length + arrays.length + room) * 4),
      ring: scope.storage("ring", RING_STEPS * STEP_RECORD.bytes),
    };
    scope.write(buffers.ngrams, 0, header);
    scope.write(buffers.ngrams, SECTIONS_HEADER * 4, arrays);
    const step = await recordStep(gpu, scope, parts, buffers).ready();
    return new GpuSuperposedSession(gpu, scope, parts, buffers, step);
  }

  get contextLength(): number {
    return this.#parts.target.model.contextLength;
  }

  get counts(): RoundCounts {
    return this.#counts.read(this.#step.dispatches.length);
  }

  start(start: SuperposedStart): Promise<void> {
    this.#counts.restart();
    return this.restart(start);
  }

  async restart({ prompt, steps, endTokens, ngrams, signal }: SuperposedStart): Promise<void> {
    const { target } = this.#parts;
    if (prompt.length < 1 || prompt.length >= this.contextLength) {
      throw new CoppiceError(
        "context-overflow",
        `${prompt.length} tokens do not fit a context of ${this.contextLength} with room for one more.`,
        "Shorten the prompt, or load the engine with a larger contextLength.",
      );
    }
    await this.#fill(prompt.slice(0, -1), signal);
    const limit = Math.min(prompt.length + steps, this.contextLength);
    const pending = prompt.at(-1)!;
    target.state.writeStart({ base: prompt.length - 1, pending, limit }, endTokens);
    this.#scope.write(this.#buffers.drafts, 0, encodeDrafts(prompt));
    // The last drafts' records must not be taken for these ones'.
    this.#scope.write(this.#buffers.ring, 0, new Uint32Array(this.#buffers.ring.size / 4));
    if (this.#parts.takesMore) this.#writeNgrams(ngrams);
    this.#steps = 0;
  }

  async next(wanted: number): Promise<readonly (readonly Choice[])[]> {
    const first = this.#steps;
    const at = first % RING_STEPS;
    // The records of one readback stand in one piece.
    const count = Math.min(wanted, RING_STEPS - at);
    const slice = ringPart(this.#buffers.ring, at, count, STEP_RECORD.bytes);
    const steps = Array.from({ length: count }, () => this.#step);
    const [bytes] = await this.#gpu.submitAndRead(steps, [slice]);
    this.#counts.targetForwards += count;
    const choices: Choice[][] = [];
    for (let i = 0; i < count; i++) {
      const record = decodeStepRecord(bytes!, i, first + i);
      if (!record) break;
      choices.push(record);
    }
    this.#steps += choices.length;
    return choices;
  }

  /** The cache holds `tokens` afterwards. What it held of them already is not computed again. */
  async #fill(tokens: readonly number[], signal: AbortSignal | undefined): Promise<void> {
    const { target } = this.#parts;
    const known = target.rewinds === this.#rewinds ? this.#cached : [];
    let same = 0;
    while (same < Math.min(known.length, tokens.length) && known[same] === tokens[same]) same += 1;
    target.rewind(same);
    // Should the prefill fail, nothing is known.
    this.#rewinds = -1;
    await target.prefill(tokens.slice(same), { signal });
    this.#counts.targetForwards += TreeSession.chunks(tokens.length - same).length;
    this.#cached = tokens;
    this.#rewinds = target.rewinds;
  }

  /** The n-grams of a start stand behind those that stay. */
  #writeNgrams(more: readonly ScaledSection[]): void {
    const { ngrams } = this.#parts;
    const kept = ngrams.reduce((words, { section }) => words + sectionWords(section), 0);
    const { header } = encodeSections([...ngrams, ...more]);
    const { arrays } = encodeSections(more);
    this.#scope.write(this.#buffers.ngrams, 0, header);
    this.#scope.write(this.#buffers.ngrams, (SECTIONS_HEADER + kept) * 4, arrays);
  }
}

/** A pass over the mix, the likeliest tokens after it, and the choice among them. */
function recordStep(
  gpu: Gpu,
  scope: BufferScope,
  parts: SuperposedParts,
  buffers: Buffers,
): Recording {
  const { target, drafts: k, candidates: m, alpha, temperature } = parts;
  const { model, state, cache, scratch } = target;
  const { vocabSize: vocab } = model.config;
  const { drafts, candidates, ngrams, ring } = buffers;
  const { logits } = scratch;
  const recording = recordMix(gpu, scope, model, { control: state.control, drafts, scratch });
  const layers = recordLayers(gpu, scope, model, {
    rows: 1,
    headFirst: 0,
    headRows: 1,
    lag: 0,
    control: state.control,
    tree: state.tree,
    treeStatics: state.statics,
    cache: cache.layers,
    slots: cache.slots,
    scratch,
  });
  recording.append(layers);
  const top = gpu.kernels.compile(topCandidates, {
    constants: { WORKGROUP_SIZE: topCandidatesLanes(vocab, m) },
  });
  const sharpness = scope.upload("sharpness", Float32Array.of(1));
  recording.dispatch(
    top.bind(scope, { logits, sharpness, candidates }, { vocab, k: m }),
    topCandidatesGrid(1),
  );
  const step = gpu.kernels.compile(superposeStep);
  const { control } = state;
  const bound = step.bind(
    scope,
    { logits, candidates, ngrams, drafts, control, ring },
    { drafts: k, candidates: m, alpha, temperature },
  );
  recording.dispatch(bound, superposeStepGrid());
  return recording;
}
