/**
 * Records a whole round - draft levels, tree, score, verify, commit - as one list of dispatches. Nothing in it depends
 * on what the GPU finds, so it is recorded once per tree plan and replayed every round.
 */
import {
  argmaxRows,
  argmaxRowsGrid,
  argmaxRowsLanes,
  NOISE,
  Recording,
  recordForward,
  verifyMatch,
  verifyMatchGrid,
} from "../model/index.ts";
import type { BufferScope, Gpu } from "../model/index.ts";
import { recordCompaction } from "./compaction.ts";
import { DRAFT_LAG, type Drafting, recordDraft } from "./draft-recorder.ts";
import { recordEdits, recordHistory } from "./edit-recorder.ts";
import { recordMirostat } from "./mirostat-recorder.ts";
import { recordMomentum } from "./momentum-recorder.ts";
import { recordLogProbs, recordRawRows } from "./log-prob-recorder.ts";
import { recordWarp, type RoundBuffers, type RoundContext } from "./round-context.ts";
import { rejectingRule, type RoundRules, rulesOf } from "./round-rules.ts";
import type { Phase } from "./rounds.ts";
import type { TreeSession } from "./tree-session.ts";
import { recordRejection } from "./verify-recorder.ts";

/** A round without speculation: the target scores the pending token alone. */
export function recordPlainRound(
  gpu: Gpu,
  scope: BufferScope,
  target: TreeSession,
  rules: RoundRules,
  buffers: RoundBuffers,
): Recording {
  const context = { gpu, scope, target, rules, ...buffers, recording: new Recording() };
  recordScore(context, 1, NOISE.shared);
  recordMatch(context, 1);
  recordHistory(context);
  recordLogProbs(context);
  return context.recording;
}

/** A speculative round. */
export function recordTreeRound(
  gpu: Gpu,
  scope: BufferScope,
  target: TreeSession,
  rules: RoundRules,
  drafting: Drafting,
  buffers: RoundBuffers,
): Recording {
  const { draft, plan } = drafting;
  const own = rulesOf(rules, plan);
  const context = { gpu, scope, target, rules: own, ...buffers, recording: new Recording() };
  const { recording } = context;
  recording.phase = "draft" satisfies Phase;
  recordDraft(context, drafting);
  const rule = rejectingRule(own);
  // A rejecting rule draws for itself, from what is left of the rows.
  recordScore(context, plan.nodes, rule ? NOISE.none : NOISE.shared);
  if (rule) recordRejection(context, plan, rule);
  else recordMatch(context, plan.nodes);
  recordHistory(context);
  recordLogProbs(context);
  recording.phase = "commit" satisfies Phase;
  recording.append(recordCompaction(gpu, scope, target.cache, target.state, 0));
  recording.append(recordCompaction(gpu, scope, draft.cache, target.state, DRAFT_LAG));
  return recording;
}

/** The target's pass over the tree, and what its rows say is drawn from. */
function recordScore(context: RoundContext, nodes: number, noise: number): void {
  const { gpu, scope, target, rules, recording } = context;
  const { state, scratch, cache, model } = target;
  recording.phase = "score" satisfies Phase;
  const score = recordForward(gpu, scope, model, {
    rowStart: 0,
    rows: nodes,
    headFirst: 0,
    headRows: nodes,
    lag: 0,
    control: state.control,
    tree: state.tree,
    treeStatics: state.statics,
    cache: cache.layers,
    slots: cache.slots,
    scratch,
  });
  recording.append(score);
  recordRawRows(context, nodes);
  recordEdits(context, {
    logits: scratch.logits,
    vocab: model.config.vocabSize,
    rows: nodes,
    nodeStart: 0,
    tree: state.tree,
    treeStatics: state.statics,
    lag: 0,
  });
  const { temperature } = rules.stages;
  // Mirostat draws node by node: how many tokens it keeps depends on the path.
  if (temperature === 0 || rules.mirostat) return;
  recording.phase = "verify" satisfies Phase;
  recordWarp(context, target, {
    first: 0,
    rows: nodes,
    temperature,
    noise,
    keepAt: undefined,
  });
}

/** Draws the target's own token at every node and keeps the path on which the draft foresaw them. */
function recordMatch(context: RoundContext, nodes: number): void {
  const { gpu, scope, target, recording, ids, ring, mirostat } = context;
  if (mirostat) return recordMirostat(context, mirostat, nodes);
  const { control, tree, statics } = target.state;
  recording.phase = "verify" satisfies Phase;
  recordChoice(context, nodes);
  const verify = gpu.kernels.compile(verifyMatch, { statics });
  recording.dispatch(
    verify.bind(scope, { ids, tree, control, ring }, { nodes }),
    verifyMatchGrid(),
  );
}

/** The target's own token at every node: the largest of the row, or what momentum says. */
function recordChoice(context: RoundContext, nodes: number): void {
  const { gpu, scope, target, recording, ids, momentum } = context;
  const { logits } = target.scratch;
  const { vocabSize: vocab } = target.model.config;
  if (momentum) {
    const { tree, statics: treeStatics } = target.state;
    const { best: ranked, sharpness } = momentum;
    const given = { logits, vocab, rows: nodes, nodeStart: 0, tree, treeStatics, lag: 0 };
    return recordMomentum(context, momentum, { ...given, kept: 1, ranked, sharpness });
  }
  const constants = { WORKGROUP_SIZE: argmaxRowsLanes(vocab) };
  const argmax = gpu.kernels.compile(argmaxRows, { constants });
  recording.dispatch(argmax.bind(scope, { logits, ids }, { vocab }), argmaxRowsGrid(nodes));
}
