/** Records a step of contrastive search - candidates, their passes, the choice - as one list of dispatches. */
import {
  CANDIDATE_BYTES,
  CONTRAST_POSITIONS,
  contrastRows,
  contrastRowsGrid,
  contrastStep,
  contrastStepGrid,
  Recording,
  recordForward,
  rowTile,
  topCandidates,
  topCandidatesGrid,
  topCandidatesLanes,
} from "../model/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../model/index.ts";
import { recordCompaction } from "./compaction.ts";
import { recordEdits, recordHistory } from "./edit-recorder.ts";
import { type ContrastiveLogProbs, recordSaid } from "./contrastive-log-probs.ts";
import type { EditState } from "./edit-state.ts";
import type { HistoryState } from "./history-state.ts";
import { recordRawRows } from "./log-prob-recorder.ts";
import type { Phase } from "./rounds.ts";
import type { TreeSession } from "./tree-session.ts";
import { UnitHistory } from "./unit-history.ts";

/** Candidates and what they are judged by, in the GPU's memory. */
export class ContrastiveState {
  readonly history: UnitHistory;
  /** `[k, k]` candidates: what may follow each candidate, best first. */
  readonly candidates: BufferSlice;
  /** `[slots / 4, k]` f32: the largest cosines of each candidate with parts of the text. */
  readonly similarities: BufferSlice;
  /** `[1]`: 1, the model's own distribution. */
  readonly sharpness: BufferSlice;

  constructor(gpu: Gpu, scope: BufferScope, target: TreeSession, k: number) {
    this.history = new UnitHistory(gpu, scope, target);
    this.candidates = scope.storage("candidates", k * k * CANDIDATE_BYTES);
    const parts = Math.ceil(target.cache.slots / CONTRAST_POSITIONS);
    this.similarities = scope.storage("similarities", parts * k * 4);
    this.sharpness = scope.upload("sharpness", Float32Array.of(1));
  }
}

export interface ContrastiveContext {
  readonly gpu: Gpu;
  readonly scope: BufferScope;
  readonly target: TreeSession;
  readonly state: ContrastiveState;
  readonly ring: BufferSlice;
  readonly edits: EditState | undefined;
  /** Where log-probabilities go; undefined: nobody asks. */
  readonly said: ContrastiveLogProbs | undefined;
  /** The committed text, where logits are edited. */
  readonly text: HistoryState | undefined;
  /** Candidates, no more than the vocabulary has tokens. */
  readonly k: number;
  readonly alpha: number;
}

/** The pass over the prompt's last token, and the first candidates. */
export function recordOpening(context: ContrastiveContext): Recording {
  const recording = new Recording();
  recordPass(context, recording, { rowStart: 0, rows: 1 });
  recordChoice(context, recording, true);
  return recording;
}

/** The pass over the candidates; one of them is kept. */
export function recordContrast(context: ContrastiveContext): Recording {
  const { gpu, scope, target, state, k } = context;
  const recording = new Recording();
  recordPass(context, recording, { rowStart: 1, rows: k });
  recordSimilarities(context, recording);
  recordChoice(context, recording, false);
  recordHistory({ ...context, history: context.text, recording });
  recording.phase = "commit" satisfies Phase;
  recording.append(recordCompaction(gpu, scope, target.cache, target.state, 0));
  recording.append(state.history.recordCompaction());
  return recording;
}

/** Of these nodes the keys, values and units, and the likeliest tokens after each. */
function recordPass(
  { gpu, scope, target, state, edits, text: history, said, k }: ContrastiveContext,
  recording: Recording,
  { rowStart, rows }: { readonly rowStart: number; readonly rows: number },
): void {
  const { model, cache, scratch } = target;
  const { control, tree, statics } = target.state;
  recording.phase = "score" satisfies Phase;
  const pass = recordForward(gpu, scope, model, {
    rowStart,
    rows,
    headFirst: 0,
    headRows: rows,
    lag: 0,
    control,
    tree,
    treeStatics: statics,
    cache: cache.layers,
    slots: cache.slots,
    scratch,
  });
  recording.append(pass);
  recording.append(state.history.record(rows));
  recordRawRows({ gpu, scope, target, logProbs: said?.state, recording }, rows);
  const { logits } = scratch;
  const vocab = model.config.vocabSize;
  const edited = { logits, vocab, rows, nodeStart: rowStart, tree, treeStatics: statics, lag: 0 };
  recordEdits({ gpu, scope, target, edits, history, recording }, edited);
  recording.phase = "verify" satisfies Phase;
  const constants = { WORKGROUP_SIZE: topCandidatesLanes(vocab, k) };
  const top = gpu.kernels.compile(topCandidates, { constants });
  const { sharpness, candidates } = state;
  recording.dispatch(
    top.bind(scope, { logits, sharpness, candidates }, { vocab, k }),
    topCandidatesGrid(rows),
  );
}

function recordSimilarities(
  { gpu, scope, target, state, k }: ContrastiveContext,
  recording: Recording,
): void {
  const { history, similarities } = state;
  const statics = { ROWS: rowTile(k), WORKGROUP_SIZE: history.lanes };
  const pipeline = gpu.kernels.compile(contrastRows, { statics });
  const buffers = { control: target.state.control, units: history.units, similarities };
  const params = { candidates: k, k4: target.model.config.hiddenSize / 4 };
  recording.dispatch(
    pipeline.bind(scope, buffers, params),
    // The last position of a text has no candidates after it.
    contrastRowsGrid(target.model.contextLength, k),
  );
}

function recordChoice(
  { gpu, scope, target, state, ring, said, k, alpha }: ContrastiveContext,
  recording: Recording,
  isOpening: boolean,
): void {
  const { control, tree, statics } = target.state;
  const pipeline = gpu.kernels.compile(contrastStep, { statics });
  const { candidates, similarities } = state;
  const bound = pipeline.bind(
    scope,
    { candidates, similarities, tree, control, ring },
    { candidates: k, alpha, opening: isOpening ? 1 : 0 },
  );
  recording.dispatch(bound, contrastStepGrid());
  if (said) recordSaid({ gpu, scope, target, ring, recording }, said, isOpening);
}
