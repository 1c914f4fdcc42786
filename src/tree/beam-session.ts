/** A beam search on the GPU: every running beam is a leaf of one token tree, and all of them are scored in one pass. */
import {
  BEAM_SEARCH,
  BEAM_TREE,
  beamStep,
  beamStepGrid,
  CANDIDATE_BYTES,
  decodeBeamSearch,
  encodeBeamSearch,
  Recording,
  STOPPING,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../model/index.ts";
import type {
  Beam,
  BeamGroup,
  BeamOutcome,
  BeamRules,
  BeamSession,
  BeamStart,
} from "./beam-steps.ts";
import { LeafPasses, type TreeHead } from "./leaf-passes.ts";
import type { RoundCounts } from "./rounds.ts";
import type { TreeSession } from "./tree-session.ts";

/** What a search is recorded for. */
export interface BeamShape extends BeamRules {
  readonly groups: number;
  /** Beams per group; groups times width is at most 10. */
  readonly width: number;
  /** How many token ids end a text, 0..8. */
  readonly ends: number;
}

export class GpuBeamSession implements BeamSession {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #target: TreeSession;
  readonly #shape: BeamShape;
  readonly #passes: LeafPasses;
  readonly #search: BufferSlice;
  readonly #candidates: BufferSlice;
  readonly #divisors: BufferSlice;
  readonly #sharpness: BufferSlice;

  constructor(gpu: Gpu, scope: BufferScope, target: TreeSession, shape: BeamShape) {
    this.#gpu = gpu;
    this.#scope = scope;
    this.#target = target;
    this.#shape = shape;
    const leaves = shape.groups * shape.width;
    this.#passes = new LeafPasses(gpu, scope, {
      target,
      roots: 1,
      leaves,
      choose: (tree, rows) => this.#choose(tree, rows),
    });
    this.#search = scope.storage("beam search", BEAM_SEARCH.bytes);
    this.#candidates = scope.storage("beam candidates", leaves * this.#k * CANDIDATE_BYTES);
    const powers = Array.from({ length: BEAM_TREE.LEVELS }, (_, i) => i ** shape.lengthPenalty);
    this.#divisors = scope.upload("length divisors", Float32Array.from(powers));
    this.#sharpness = scope.upload("sharpness", Float32Array.of(1));
  }

  get contextLength(): number {
    return this.#passes.contextLength;
  }

  get counts(): RoundCounts {
    return this.#passes.counts;
  }

  mostSteps(promptTokens: number): number {
    return this.#passes.mostSteps(promptTokens);
  }

  async start({ prompt, maxNewTokens, endTokens, signal }: BeamStart): Promise<void> {
    await this.#passes.start(prompt, maxNewTokens, { endTokens, signal });
    // The tree needs no such reset: its root is the pending token, and every other node is written before it is read.
    this.#scope.write(this.#search, 0, encodeBeamSearch(this.#passes.limit));
  }

  async next(steps: number): Promise<BeamOutcome> {
    const { head, bytes } = await this.#passes.run(steps, [this.#search]);
    return this.#outcome(bytes[0]!, head);
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

  /** The rows' best tokens, and of those the next level of beams. */
  #choose(tree: BufferSlice, rows: number): Recording {
    const { model, scratch, state } = this.#target;
    const { kernels } = this.#gpu;
    const { groups, width, lengthPenalty, earlyStopping, diversity } = this.#shape;
    const [vocab, k] = [model.config.vocabSize, this.#k];
    const recording = new Recording();
    const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
    const top = kernels.compile(topCandidates, { constants });
    const candidates = this.#candidates;
    const ranked = { logits: scratch.logits, sharpness: this.#sharpness, candidates };
    recording.dispatch(top.bind(this.#scope, ranked, { vocab, k }), topCandidatesGrid(rows));
    const step = kernels.compile(beamStep, { statics: BEAM_TREE });
    const buffers = {
      control: state.control,
      candidates,
      divisors: this.#divisors,
      tree,
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

  #outcome(state: ArrayBuffer, head: TreeHead): BeamOutcome {
    const { groups, width } = this.#shape;
    const { step, done, groupDone, finished } = decodeBeamSearch(state, groups, width);
    const first = this.#passes.levelAt(step);
    const group = (g: number): BeamGroup => {
      const leaves = groupDone[g]
        ? []
        : Array.from({ length: width }, (_, i) => first + g * width + i);
      return {
        running: leaves
          .filter((node) => head.scores[node]! > -Infinity)
          .map((node): Beam => ({ tokens: head.textOf(node), score: head.scores[node]! })),
        finished: finished[g]!.map(({ node, token, score }) => ({
          tokens: [...head.textOf(node), token],
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
