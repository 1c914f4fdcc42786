/**
 * What the model itself says of the tokens that contrastive search keeps. A token's row is that of the pass before: its own pass
 * is over the candidates. So each step puts by the row that the next one's tokens are chosen from.
 */
import {
  CANDIDATE_BYTES,
  gatherLogProbs,
  gatherLogProbsGrid,
  keepRow,
  keepRowGrid,
} from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import { LogProbState } from "./log-prob-recorder.ts";
import type { RoundContext } from "./round-context.ts";

interface LogProbShape {
  /** Alternatives per token. */
  readonly tops: number;
  readonly vocab: number;
  /** Rows of a pass. */
  readonly rows: number;
  /** Whether rows are overwritten before the step's end. */
  readonly edited: boolean;
}

export class ContrastiveLogProbs {
  /** Of the pass at hand. */
  readonly state: LogProbState;
  /** `[vocab]` logits, and `[k]` candidates: of the row that the next token is chosen from. */
  readonly row: BufferSlice;
  readonly candidates: BufferSlice;

  constructor(scope: BufferScope, { tops, vocab, rows, edited }: LogProbShape) {
    this.state = new LogProbState(scope, {
      tops,
      vocab,
      width: 1,
      nodes: rows,
      overwritten: edited,
    });
    this.row = scope.storage("the next token's row", vocab * 4);
    this.candidates = scope.storage("its most probable", this.state.k * CANDIDATE_BYTES);
  }
}

/** To be recorded after the choice; `recordRawRows` stands before it. */
export function recordSaid(
  {
    gpu,
    scope,
    target,
    ring,
    recording,
  }: Omit<RoundContext, "rules" | "ids" | "draftRows" | "sharpness">,
  { state, row, candidates: kept_candidates }: ContrastiveLogProbs,
  isOpening: boolean,
): void {
  const { vocab, k, kept, candidates, gathered, shape } = state;
  const { control } = target.state;
  if (!isOpening) {
    const gather = gpu.kernels.compile(gatherLogProbs);
    // The record of a step names node 0, the root, and that is the row's.
    const buffers = { control, ring, logits: row, candidates: kept_candidates, gathered };
    const bound = gather.bind(scope, buffers, { vocab, k, ...shape });
    recording.dispatch(bound, gatherLogProbsGrid());
  }
  const keep = gpu.kernels.compile(keepRow);
  const logits = kept ?? target.scratch.logits;
  const bound = keep.bind(
    scope,
    { control, logits, candidates, kept: row, kept_candidates },
    { vocab, k, opening: isOpening ? 1 : 0 },
  );
  recording.dispatch(bound, keepRowGrid(vocab));
}
