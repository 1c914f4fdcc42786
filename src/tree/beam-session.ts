/** A beam search on the GPU: every running beam is a leaf of one token tree, and all of them are scored in one pass. */
import { CoppiceError } from "../errors.ts";
import {
  BEAM_SEARCH,
  BEAM_TREE,
  beamStep,
  beamStepGrid,
  CANDIDATE_BYTES,
  decodeBeamSearch,
  DISPATCHES_PER_LAYER,
  encodeBeamSearch,
  type Recording,
  recordEmbedding,
  recordLayers,
  STOPPING,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
  treeBytes,
  treeLayout,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, ForwardPass, Gpu } from "../model/index.ts";
import type {
  Beam,
  BeamGroup,
  BeamOutcome,
  BeamRules,
  BeamSession,
  BeamStart,
} from "./beam-steps.ts";
import type { RoundCounts } from "./rounds.ts";
import { TreeSession } from "./tree-session.ts";

/** What a search is recorded for. */
export interface BeamShape extends BeamRules {
  readonly groups: number;
  /** Beams per group; groups times width is at most 10. */
  readonly width: number;
  /** How many token ids end a text, 0..8. */
  readonly ends: number;
}

/** Fields of the tree that are read back: what stands before its table of ancestors. */
const TREE_HEAD = treeLayout(BEAM_TREE).offsets;

export class GpuBeamSession implements BeamSession {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #target: TreeSession;
  readonly #shape: BeamShape;
  readonly #tree: BufferSlice;
  readonly #search: BufferSlice;
  readonly #candidates: BufferSlice;
  readonly #divisors: BufferSlice;
  /** One per step, made when needed: only the first dispatch differs from step to step. */
  readonly #steps: Promise<Recording>[] = [];
  #rest: Promise<Recording> | undefined;
  #done = 0;
  #mostSteps = 0;
  #targetForwards = 0;
  #baseline = { submits: 0, readbacks: 0 };

  constructor(gpu: Gpu, scope: BufferScope, target: TreeSession, shape: BeamShape) {
    this.#gpu = gpu;
    this.#scope = scope;
    this.#target = target;
    this.#shape = shape;
    this.#tree = scope.storage("beam tree", treeBytes(BEAM_TREE));
    this.#search = scope.storage("beam search", BEAM_SEARCH.bytes);
    this.#candidates = scope.storage("beam candidates", this.#beams * this.#k * CANDIDATE_BYTES);
    const powers = Array.from({ length: BEAM_TREE.LEVELS }, (_, i) => i ** shape.lengthPenalty);
    this.#divisors = scope.upload("length divisors", Float32Array.from(powers));
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
      draftForwards: 0,
      dispatchesPerLayer: DISPATCHES_PER_LAYER,
      dispatchesPerRound: this.#target.model.weights.layers.length * DISPATCHES_PER_LAYER + 4,
      gpuBytes: this.#gpu.bytes,
    };
  }

  mostSteps(promptTokens: number): number {
    const { NODES, LEVELS } = BEAM_TREE;
    const slots = this.#target.cache.slots - promptTokens;
    return Math.min(
      LEVELS - 1,
      Math.floor(Math.min(NODES - 1, slots) / this.#beams),
      this.contextLength - promptTokens,
    );
  }

  async start({ prompt, maxNewTokens, endTokens }: BeamStart): Promise<void> {
    const most = this.mostSteps(prompt.length);
    if (prompt.length < 1 || most < 1) {
      throw new CoppiceError(
        "context-overflow",
        `A prompt of ${prompt.length} tokens does not fit a context of ${this.contextLength} with room for one more per beam.`,
        "Give 1 token or more, shorten the prompt, or load the engine with a larger contextLength.",
      );
    }
    const { submits, readbacks } = this.#gpu.counters;
    this.#baseline = { submits, readbacks };
    const base = prompt.length - 1;
    this.#target.rewind(0);
    await this.#target.prefill(prompt.slice(0, base));
    this.#targetForwards = TreeSession.chunks(base).length;
    this.#target.state.writeStart({ base, pending: prompt[base]! }, endTokens);
    this.#mostSteps = Math.min(maxNewTokens, most);
    // The tree needs no such reset: its root is the pending token, and every other node is written before it is read.
    this.#scope.write(this.#search, 0, encodeBeamSearch(this.#mostSteps));
    this.#done = 0;
  }

  async next(wanted: number): Promise<BeamOutcome> {
    const count = Math.min(wanted, this.#mostSteps - this.#done);
    const steps = Array.from({ length: count }, (_, i) => this.#step(this.#done + i));
    const head = { ...this.#tree, size: TREE_HEAD.ancestor };
    const [state, tree] = await this.#gpu.submitAndRead(await Promise.all(steps), [
      this.#search,
      head,
    ]);
    this.#targetForwards += count;
    this.#done += count;
    return this.#outcome(state!, tree!);
  }

  get #beams(): number {
    return this.#shape.groups * this.#shape.width;
  }

  /** Candidates of a group that are looked at: enough to find `width` that go on, whatever ends. */
  get #keep(): number {
    return Math.max(2, 1 + this.#shape.ends) * this.#shape.width;
  }

  /** Candidates per row: those that diversity may push back are replaced by as many. */
  get #k(): number {
    const { groups, width } = this.#shape;
    const wanted = this.#keep + (groups - 1) * width;
    return Math.min(wanted, this.#target.model.config.vocabSize);
  }

  #step(step: number): Promise<Recording> {
    return (this.#steps[step] ??= this.#recordStep(step));
  }

  async #recordStep(step: number): Promise<Recording> {
    const { model } = this.#target;
    const rowStart = step === 0 ? 0 : 1 + (step - 1) * this.#beams;
    const pass = { ...this.#pass(step === 0 ? 1 : this.#beams), rowStart };
    const recording = await recordEmbedding(this.#gpu, this.#scope, model, pass);
    const rest = step === 0 ? this.#recordRest(1) : (this.#rest ??= this.#recordRest(this.#beams));
    recording.append(await rest);
    return recording;
  }

  #pass(rows: number): Omit<ForwardPass, "rowStart"> {
    const { state, cache, scratch } = this.#target;
    return {
      rows,
      headFirst: 0,
      headRows: rows,
      lag: 0,
      control: state.control,
      tree: this.#tree,
      treeStatics: BEAM_TREE,
      cache: cache.layers,
      slots: cache.slots,
      scratch,
    };
  }

  /** All of a step but its embedding. */
  async #recordRest(rows: number): Promise<Recording> {
    const { model, scratch, state } = this.#target;
    const { kernels } = this.#gpu;
    const { groups, width, lengthPenalty, earlyStopping, diversity } = this.#shape;
    const [vocab, k] = [model.config.vocabSize, this.#k];
    const recording = await recordLayers(this.#gpu, this.#scope, model, this.#pass(rows));
    const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
    const top = await kernels.compile(topCandidates, { constants });
    const candidates = this.#candidates;
    recording.dispatch(
      top.bind(this.#scope, { logits: scratch.logits, candidates }, { vocab, k }),
      topCandidatesGrid(rows),
    );
    const step = await kernels.compile(beamStep, { statics: BEAM_TREE });
    const buffers = {
      control: state.control,
      candidates,
      divisors: this.#divisors,
      tree: this.#tree,
      search: this.#search,
    };
    const params = {
      groups,
      width,
      k,
      keep: this.#keep,
      stopping: stoppingOf(earlyStopping),
      penalty_sign: lengthPenalty > 0 ? 1 : 0,
      diversity,
    };
    recording.dispatch(step.bind(this.#scope, buffers, params), beamStepGrid());
    return recording;
  }

  #outcome(state: ArrayBuffer, tree: ArrayBuffer): BeamOutcome {
    const { groups, width } = this.#shape;
    const { step, done, groupDone, finished } = decodeBeamSearch(state, groups, width);
    const tokens = new Uint32Array(tree, TREE_HEAD.token, BEAM_TREE.NODES);
    const parents = new Uint32Array(tree, TREE_HEAD.parent, BEAM_TREE.NODES);
    const scores = new Float32Array(tree, TREE_HEAD.score, BEAM_TREE.NODES);
    const textOf = (node: number): number[] =>
      node === 0 ? [] : [...textOf(parents[node]!), tokens[node]!];
    const first = 1 + (step - 1) * this.#beams;
    const group = (g: number): BeamGroup => {
      const leaves = groupDone[g]
        ? []
        : Array.from({ length: width }, (_, i) => first + g * width + i);
      return {
        running: leaves
          .filter((node) => scores[node]! > -Infinity)
          .map((node): Beam => ({ tokens: textOf(node), score: scores[node]! })),
        finished: finished[g]!.map(({ node, token, score }) => ({
          tokens: [...textOf(node), token],
          score,
        })),
      };
    };
    return { done, groups: groupDone.map((_, g) => group(g)) };
  }
}

function stoppingOf(earlyStopping: boolean | "never"): number {
  if (earlyStopping === "never") return STOPPING.never;
  return earlyStopping ? STOPPING.full : STOPPING.heuristic;
}
