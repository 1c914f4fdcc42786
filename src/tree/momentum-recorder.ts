/** Momentum in a round: which token comes next where repeating meets resistance, and which ones the draft proposes for it. */
import type { ResolvedMomentum } from "../options.ts";
import {
  CANDIDATE_BYTES,
  encodeResistance,
  MOMENTUM_CAPACITY,
  momentumCandidates,
  momentumCandidatesGrid,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import type { EditedRows } from "./edit-recorder.ts";
import type { RoundContext } from "./round-context.ts";
import { MAX_NODES } from "./tree-plan.ts";

export class MomentumState {
  readonly topK: number;
  /** The longest repetition that is told from longer ones. */
  readonly longest: number;
  /** `[longest + 1]` f32 */
  readonly resistance: BufferSlice;
  /** `[64, 64]`: the most probable tokens of each row. */
  readonly likely: BufferSlice;
  /** `[64]`: what the target's rows are ranked into; the ids alone count. */
  readonly best: BufferSlice;
  /** `[1]`: 1, the model's own distribution. */
  readonly sharpness: BufferSlice;

  constructor(scope: BufferScope, { topK, alpha, resistance }: ResolvedMomentum) {
    this.topK = topK;
    this.longest = resistance.length + 1;
    this.resistance = scope.upload("resistance", encodeResistance(alpha, resistance));
    this.likely = scope.storage("likely", MAX_NODES * MOMENTUM_CAPACITY * CANDIDATE_BYTES);
    this.best = scope.storage("best", MAX_NODES * CANDIDATE_BYTES);
    this.sharpness = scope.upload("sharpness", Float32Array.of(1));
  }
}

/** Rows of logits, whose they are, and what becomes of them. */
export interface RankedRows extends EditedRows {
  /** Tokens wanted per row. */
  readonly kept: number;
  /** `[rows, kept]` candidates, best first. */
  readonly ranked: BufferSlice;
  /** One over the temperature of their scores. */
  readonly sharpness: BufferSlice;
}

/** Leaves the best token of each row in `ids`, and the `kept` best in `ranked`. The logits stay as they are. */
export function recordMomentum(
  { gpu, scope, target, history, ids, recording }: RoundContext,
  state: MomentumState,
  given: RankedRows,
): void {
  const { logits, vocab, rows, tree, treeStatics: statics, ranked, sharpness } = given;
  const { topK, longest, resistance, likely } = state;
  const k = Math.min(Math.max(topK, given.kept), vocab);
  const top = gpu.kernels.compile(topCandidates, {
    constants: { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) },
  });
  const model = { logits, sharpness: state.sharpness, candidates: likely };
  recording.dispatch(top.bind(scope, model, { vocab, k }), topCandidatesGrid(rows));

  const rank = gpu.kernels.compile(momentumCandidates, { statics });
  const bound = rank.bind(
    scope,
    {
      control: target.state.control,
      tree,
      history: history!.history,
      resistance,
      sharpness,
      likely,
      ranked,
      ids,
    },
    { node_start: given.nodeStart, lag: given.lag, k, kept: given.kept, top_k: topK, longest },
  );
  recording.dispatch(bound, momentumCandidatesGrid(rows));
}
