/**
 * Records a whole round - draft levels, tree, score, verify, commit - as one list of dispatches. Nothing in it depends
 * on what the GPU finds, so it is recorded once per tree plan and replayed every round.
 */
import {
  argmaxRows,
  argmaxRowsGrid,
  argmaxRowsLanes,
  growLevel,
  growLevelGrid,
  pruneTree,
  pruneTreeGrid,
} from "../model/index.ts";
import {
  Recording,
  recordForward,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
  verifyMatch,
  verifyMatchGrid,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../model/index.ts";
import { recordCompaction } from "./compaction.ts";
import type { CandidateState } from "./candidate-state.ts";
import type { LevelPlan, TreePlan } from "./tree-plan.ts";
import type { TreeSession } from "./tree-session.ts";

/** A draft's cache is one token behind the target's: see `embed-rows`. */
const DRAFT_LAG = 1;

export interface RoundBuffers {
  /** `[64]` u32: the target's own token at every node. */
  readonly ids: BufferSlice;
  /** The ring of round records. */
  readonly ring: BufferSlice;
}

interface Context extends RoundBuffers {
  readonly gpu: Gpu;
  readonly scope: BufferScope;
  readonly target: TreeSession;
  readonly recording: Recording;
}

/** A round without speculation: the target scores the pending token alone. */
export async function recordPlainRound(
  gpu: Gpu,
  scope: BufferScope,
  target: TreeSession,
  buffers: RoundBuffers,
): Promise<Recording> {
  const context = { gpu, scope, target, ...buffers, recording: new Recording() };
  await recordScoreAndVerify(context, 1);
  return context.recording;
}

/** A speculative round over `plan`. */
export async function recordTreeRound(
  gpu: Gpu,
  scope: BufferScope,
  target: TreeSession,
  draft: TreeSession,
  candidates: CandidateState,
  plan: TreePlan,
  buffers: RoundBuffers,
): Promise<Recording> {
  const context = { gpu, scope, target, ...buffers, recording: new Recording() };
  for (const [depth, level] of plan.levels.entries()) {
    await recordLevel(context, draft, candidates, level, depth);
  }
  await recordPrune(context, candidates, plan);
  await recordScoreAndVerify(context, plan.nodes);
  context.recording.append(await recordCompaction(gpu, scope, target.cache, target.state, 0));
  context.recording.append(
    await recordCompaction(gpu, scope, draft.cache, target.state, DRAFT_LAG),
  );
  return context.recording;
}

/** Drafts one level: a pass over the frontier, the best tokens of each row, and the nodes they become. */
async function recordLevel(
  context: Context,
  draft: TreeSession,
  candidates: CandidateState,
  level: LevelPlan,
  depth: number,
): Promise<void> {
  const { gpu, scope, target, recording } = context;
  // The first pass also recomputes the token before the root, so that a fully accepted path needs no pass of its own.
  const catchUp = depth === 0 ? DRAFT_LAG : 0;
  const forward = await recordForward(gpu, scope, draft.model, {
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

  const top = await gpu.kernels.compile(topCandidates, {
    constants: {
      WORKGROUP_SIZE: topCandidatesLanes(draft.model.config.vocabSize, level.branching),
    },
  });
  const proposals = { logits: draft.scratch.logits, candidates: candidates.proposals };
  const topParams = { vocab: draft.model.config.vocabSize, k: level.branching };
  recording.dispatch(top.bind(scope, proposals, topParams), topCandidatesGrid(level.frontierCount));

  const grow = await gpu.kernels.compile(growLevel, { statics: candidates.statics });
  const growParams = {
    frontier_start: level.frontierStart,
    frontier_count: level.frontierCount,
    k: level.branching,
    level_start: level.frontierStart + level.frontierCount,
    width: level.width,
    depth: depth + 1 + DRAFT_LAG,
  };
  recording.dispatch(
    grow.bind(scope, { candidates: candidates.proposals, tree: candidates.tree }, growParams),
    growLevelGrid(),
  );
}

async function recordPrune(
  { gpu, scope, target, recording }: Context,
  candidates: CandidateState,
  plan: TreePlan,
): Promise<void> {
  const { NODES: CANDIDATES, LEVELS: CANDIDATE_LEVELS } = candidates.statics;
  const pipeline = await gpu.kernels.compile(pruneTree, {
    statics: { ...target.state.statics, CANDIDATES, CANDIDATE_LEVELS },
  });
  const buffers = { candidates_tree: candidates.tree, tree: target.state.tree };
  recording.dispatch(
    pipeline.bind(scope, buffers, { candidates: plan.candidates, nodes: plan.nodes }),
    pruneTreeGrid(),
  );
}

async function recordScoreAndVerify(
  { gpu, scope, target, recording, ids, ring }: Context,
  nodes: number,
): Promise<void> {
  const { state, scratch, cache, model } = target;
  const { control, tree, statics } = state;
  const score = await recordForward(gpu, scope, model, {
    rowStart: 0,
    rows: nodes,
    headFirst: 0,
    headRows: nodes,
    lag: 0,
    control,
    tree,
    treeStatics: statics,
    cache: cache.layers,
    slots: cache.slots,
    scratch,
  });
  recording.append(score);

  const argmax = await gpu.kernels.compile(argmaxRows, {
    constants: { WORKGROUP_SIZE: argmaxRowsLanes(model.config.vocabSize) },
  });
  recording.dispatch(
    argmax.bind(scope, { logits: scratch.logits, ids }, { vocab: model.config.vocabSize }),
    argmaxRowsGrid(nodes),
  );

  const verify = await gpu.kernels.compile(verifyMatch, { statics });
  recording.dispatch(
    verify.bind(scope, { ids, tree, control, ring }, { nodes }),
    verifyMatchGrid(),
  );
}
