/** Records the draft's half of a round: a level of the candidate tree per pass, then the tree that is scored. */
import {
  beamScores,
  beamScoresGrid,
  drawPaths,
  drawPathsGrid,
  growLevel,
  growLevelGrid,
  NOISE,
  pruneTree,
  pruneTreeGrid,
  recordForward,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
  warpRowsLanes,
} from "../model/index.ts";
import type { CandidateState } from "./candidate-state.ts";
import { recordEdits } from "./edit-recorder.ts";
import { recordMomentum } from "./momentum-recorder.ts";
import { recordWarp, type RoundContext } from "./round-context.ts";
import { draftNoise, rejectingRule } from "./round-rules.ts";
import type { LevelPlan, TreePlan } from "./tree-plan.ts";
import type { TreeSession } from "./tree-session.ts";

/** A draft's cache is one token behind the target's: see `embed-rows`. */
export const DRAFT_LAG = 1;

/** The draft, its candidate tree and the shape of that. */
export interface Drafting {
  readonly draft: TreeSession;
  readonly candidates: CandidateState;
  readonly plan: TreePlan;
}

export function recordDraft(context: RoundContext, drafting: Drafting): void {
  for (const [depth, level] of drafting.plan.levels.entries()) {
    recordPass(context, drafting, level, depth);
    recordProposals(context, drafting, level);
    recordGrowth(context, drafting, level, depth);
  }
  recordPrune(context, drafting);
}

/** A pass over the frontier, and the noise its rows are ranked by. */
function recordPass(
  context: RoundContext,
  { draft, candidates, plan }: Drafting,
  level: LevelPlan,
  depth: number,
): void {
  const { gpu, scope, target, rules, recording } = context;
  // The first pass also recomputes the token before the root, so that a fully accepted path needs no pass of its own.
  const catchUp = depth === 0 ? DRAFT_LAG : 0;
  const forward = recordForward(gpu, scope, draft.model, {
    rowStart: level.frontierStart - catchUp,
    rows: level.frontierCount + catchUp,
    headFirst: catchUp,
    headRows: level.frontierCount,
    lag: DRAFT_LAG,
    control: target.state.control,
    tree: candidates.tree,
    treeStatics: candidates.statics,
    cache: draft.cache.layers,
    slots: draft.cache.slots,
    scratch: draft.scratch,
  });
  recording.append(forward);
  recordEdits(context, {
    logits: draft.scratch.logits,
    vocab: draft.model.config.vocabSize,
    rows: level.frontierCount,
    nodeStart: level.frontierStart,
    tree: candidates.tree,
    treeStatics: candidates.statics,
    lag: DRAFT_LAG,
  });

  const { temperature } = rules.stages;
  if (temperature === 0) return;
  const keeps = rejectingRule(rules) !== undefined || plan.growth !== "top";
  recordWarp(context, draft, {
    first: catchUp,
    rows: level.frontierCount,
    temperature,
    noise: plan.growth === "paths" ? NOISE.none : draftNoise(rules),
    keepAt: keeps ? level.frontierStart - DRAFT_LAG : undefined,
  });
}

/** The tokens that may follow each node of the frontier, with their scores. */
function recordProposals(
  context: RoundContext,
  { draft, candidates, plan }: Drafting,
  level: LevelPlan,
): void {
  const { gpu, scope, target, rules, draftRows, sharpness, momentum, recording } = context;
  const { vocabSize: vocab } = draft.model.config;
  const { control } = target.state;
  const { frontierStart: start, frontierCount: count, branching: k } = level;
  const { proposals, tree, statics } = candidates;
  if (momentum) {
    // What the target will choose goes by the same text; only the probabilities are the draft's guess.
    return recordMomentum(context, momentum, {
      logits: draft.scratch.logits,
      vocab,
      rows: count,
      nodeStart: start,
      tree,
      treeStatics: statics,
      lag: DRAFT_LAG,
      kept: k,
      ranked: proposals,
      sharpness,
    });
  }
  const draws = rules.stages.temperature > 0;
  if (plan.growth === "paths" && draws) {
    const constants = { WORKGROUP_SIZE: warpRowsLanes(vocab) };
    const pipeline = gpu.kernels.compile(drawPaths, { constants });
    const buffers = { control, log_probs: draftRows, candidates: proposals };
    // At the first level all paths start from the root.
    const step = k > 1 ? 0 : 1;
    const params = { vocab, frontier_start: start, step, level_start: start + count };
    recording.dispatch(pipeline.bind(scope, buffers, params), drawPathsGrid(count * k));
    return;
  }
  const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
  const top = gpu.kernels.compile(topCandidates, { constants });
  const buffers = { logits: draft.scratch.logits, sharpness, candidates: proposals };
  recording.dispatch(top.bind(scope, buffers, { vocab, k }), topCandidatesGrid(count));
  if (plan.growth !== "beam" || !draws) return;

  const beam = gpu.kernels.compile(beamScores, { statics });
  const shared = draftNoise(rules) === NOISE.shared ? 1 : 0;
  const params = { vocab, frontier_start: start, frontier_count: count, k, shared_noise: shared };
  recording.dispatch(
    beam.bind(scope, { control, tree, log_probs: draftRows, candidates: proposals }, params),
    beamScoresGrid(count),
  );
}

function recordGrowth(
  { gpu, scope, recording }: RoundContext,
  { candidates }: Drafting,
  level: LevelPlan,
  depth: number,
): void {
  const grow = gpu.kernels.compile(growLevel, { statics: candidates.statics });
  const params = {
    frontier_start: level.frontierStart,
    frontier_count: level.frontierCount,
    k: level.branching,
    level_start: level.frontierStart + level.frontierCount,
    width: level.width,
    depth: depth + 1 + DRAFT_LAG,
  };
  const buffers = { candidates: candidates.proposals, tree: candidates.tree };
  recording.dispatch(grow.bind(scope, buffers, params), growLevelGrid());
}

function recordPrune(
  { gpu, scope, target, recording }: RoundContext,
  { candidates, plan }: Drafting,
): void {
  const { NODES: CANDIDATES, LEVELS: CANDIDATE_LEVELS } = candidates.statics;
  const pipeline = gpu.kernels.compile(pruneTree, {
    statics: { ...target.state.statics, CANDIDATES, CANDIDATE_LEVELS },
  });
  const buffers = { candidates_tree: candidates.tree, tree: target.state.tree };
  recording.dispatch(
    pipeline.bind(scope, buffers, { candidates: plan.candidates, nodes: plan.nodes }),
    pruneTreeGrid(),
  );
}
