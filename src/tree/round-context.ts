/** What every part of a round's recording needs. */
import type { BufferScope, BufferSlice, Gpu, Recording } from "../model/index.ts";
import { warpParams, warpRows, warpRowsGrid, warpRowsLanes } from "../model/index.ts";
import type { EditState } from "./edit-state.ts";
import type { HistoryState } from "./history-state.ts";
import type { MirostatState } from "./mirostat-recorder.ts";
import type { LogProbState } from "./log-prob-recorder.ts";
import type { MomentumState } from "./momentum-recorder.ts";
import type { RoundRules } from "./round-rules.ts";
import type { TreeSession } from "./tree-session.ts";

export interface RoundBuffers {
  /** `[64]` u32: the target's own token at every node. */
  readonly ids: BufferSlice;
  /** The ring of round records. */
  readonly ring: BufferSlice;
  /** `[1]` f32: one over the temperature of the draft's confidence, the one thing that is set between rounds. */
  readonly sharpness: BufferSlice;
  /** `[64, vocab]` f32: what the draft's tokens were drawn from, by node; a few bytes where nobody asks. */
  readonly draftRows: BufferSlice;
  /** What logits are edited by; undefined: they are not. */
  readonly edits?: EditState | undefined;
  /** The committed text, where logits are edited or tokens chosen by it. */
  readonly history?: HistoryState | undefined;
  /** Where the target draws by Mirostat. */
  readonly mirostat?: MirostatState | undefined;
  /** Where tokens are chosen by momentum. */
  readonly momentum?: MomentumState | undefined;
  /** Where log-probabilities go; undefined: nobody asks. */
  readonly logProbs?: LogProbState | undefined;
}

export interface RoundContext extends RoundBuffers {
  readonly gpu: Gpu;
  readonly scope: BufferScope;
  readonly target: TreeSession;
  readonly rules: RoundRules;
  readonly recording: Recording;
}

/** Which logits are warped, and what for. */
export interface Warp {
  /** Of the pass's rows, the one whose logits come first. */
  readonly first: number;
  readonly rows: number;
  readonly temperature: number;
  readonly noise: number;
  /** Row of `draftRows` that takes the first row's log-probabilities; undefined: none are kept. */
  readonly keepAt: number | undefined;
}

/** Turns the logits of `session`'s last pass into what is drawn from. */
export function recordWarp(
  { gpu, scope, target, rules, draftRows, recording }: RoundContext,
  session: TreeSession,
  { first, rows, temperature, noise, keepAt }: Warp,
): void {
  const { vocabSize: vocab } = session.model.config;
  const pipeline = gpu.kernels.compile(warpRows, {
    constants: { WORKGROUP_SIZE: warpRowsLanes(vocab) },
  });
  const { rowTable, logits } = session.scratch;
  const buffers = { control: target.state.control, rows: rowTable, logits, log_probs: draftRows };
  const params = {
    vocab,
    first,
    ...warpParams({ ...rules.stages, temperature }),
    noise,
    keep: keepAt === undefined ? 0 : 1,
    log_row: keepAt ?? 0,
  };
  recording.dispatch(pipeline.bind(scope, buffers, params), warpRowsGrid(rows));
}
