/** Several texts drawn side by side: every text is a tree of its own on one cache, and one pass per position serves all. */
import {
  argmaxRowsLanes,
  BEAM_TREE,
  CANDIDATE_BYTES,
  encodeTokenTree,
  growLevel,
  growLevelGrid,
  NOISE,
  pickRows,
  pickRowsGrid,
  Recording,
  warpParams,
  warpRows,
  warpRowsGrid,
  warpRowsLanes,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../model/index.ts";
import type { ResolvedStages } from "../options.ts";
import { LeafPasses } from "./leaf-passes.ts";
import type { RoundCounts } from "./rounds.ts";
import type { Sample, SamplesSession, SamplesStart } from "./sample-steps.ts";
import type { TreeSession } from "./tree-session.ts";

export interface SamplesShape {
  /** Texts, 2..10. */
  readonly count: number;
  /** Their temperature is above 0. */
  readonly stages: ResolvedStages;
}

/**
 * Text i draws with the noise of seed + i, so it is the text that plain sampling gives with that seed: rows have the same
 * bits whatever other rows share their pass.
 */
export class GpuSamplesSession implements SamplesSession {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  readonly #target: TreeSession;
  readonly #shape: SamplesShape;
  readonly #passes: LeafPasses;
  readonly #logProbs: BufferSlice;
  readonly #candidates: BufferSlice;

  constructor(gpu: Gpu, scope: BufferScope, target: TreeSession, shape: SamplesShape) {
    this.#gpu = gpu;
    this.#scope = scope;
    this.#target = target;
    this.#shape = shape;
    const { count } = shape;
    const { vocabSize } = target.model.config;
    this.#passes = new LeafPasses(gpu, scope, {
      target,
      roots: count,
      leaves: count,
      choose: () => this.#draw(),
      grow: (tree, step) => this.#grow(tree, step),
    });
    this.#logProbs = scope.storage("log probs", count * vocabSize * 4);
    this.#candidates = scope.storage("drawn tokens", count * CANDIDATE_BYTES);
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

  async start({ prompt, maxNewTokens, seed, signal }: SamplesStart): Promise<void> {
    await this.#passes.start(prompt, maxNewTokens, { seed, signal });
    const root = { token: prompt.at(-1)!, parent: -1 };
    const roots = Array.from({ length: this.#shape.count }, () => root);
    this.#scope.write(this.#passes.tree, 0, encodeTokenTree(BEAM_TREE, roots));
  }

  async next(steps: number): Promise<readonly Sample[]> {
    const { head } = await this.#passes.run(steps, []);
    const depths = Array.from({ length: this.#passes.done }, (_, i) => i + 1);
    // Text i is the i-th node of every level.
    return Array.from({ length: this.#shape.count }, (_, i) => ({
      tokens: depths.map((depth) => head.tokens[this.#passes.levelAt(depth) + i]!),
      scores: depths.map((depth) => head.scores[this.#passes.levelAt(depth) + i]!),
    }));
  }

  /** Each row's own draw, with its log-probability. */
  #draw(): Recording {
    const { model, scratch, state } = this.#target;
    const { kernels } = this.#gpu;
    const { count, stages } = this.#shape;
    const vocab = model.config.vocabSize;
    const recording = new Recording();
    const constants = { WORKGROUP_SIZE: warpRowsLanes(vocab) };
    const warp = kernels.compile(warpRows, { constants });
    const { rowTable: rows, logits } = scratch;
    const params = {
      vocab,
      first: 0,
      ...warpParams(stages),
      noise: NOISE.seeded,
      keep: 1,
      log_row: 0,
    };
    const warped = { control: state.control, rows, logits, log_probs: this.#logProbs };
    recording.dispatch(warp.bind(this.#scope, warped, params), warpRowsGrid(count));
    const pick = kernels.compile(pickRows, {
      constants: { WORKGROUP_SIZE: argmaxRowsLanes(vocab) },
    });
    const picked = { logits, log_probs: this.#logProbs, candidates: this.#candidates };
    recording.dispatch(pick.bind(this.#scope, picked, { vocab }), pickRowsGrid(count));
    return recording;
  }

  /** One child for every leaf: a row of one candidate each, of which all are kept, in order. */
  #grow(tree: BufferSlice, step: number): Recording {
    const { count } = this.#shape;
    const grow = this.#gpu.kernels.compile(growLevel, { statics: BEAM_TREE });
    const params = {
      frontier_start: this.#passes.levelAt(step),
      frontier_count: count,
      k: 1,
      level_start: this.#passes.levelAt(step + 1),
      width: count,
      depth: step + 1,
    };
    const recording = new Recording();
    const buffers = { candidates: this.#candidates, tree };
    recording.dispatch(grow.bind(this.#scope, buffers, params), growLevelGrid());
    return recording;
  }
}
