/** Records what is changed in logits before anything is drawn from them. Without edits that is nothing. */
import { editRows, editRowsGrid, extendHistory, extendHistoryGrid } from "../model/index.ts";
import type { BufferSlice, ForwardPass } from "../model/index.ts";
import type { RoundContext } from "./round-context.ts";

/** What of a round's context edits need. */
type EditContext = Pick<
  RoundContext,
  "gpu" | "scope" | "target" | "edits" | "history" | "recording"
>;

/** Which rows of logits, and whose they are. */
export interface EditedRows {
  /** `[rows, vocab]` */
  readonly logits: BufferSlice;
  readonly vocab: number;
  readonly rows: number;
  /** The node of the first row. */
  readonly nodeStart: number;
  readonly tree: BufferSlice;
  readonly treeStatics: ForwardPass["treeStatics"];
  /** The root's depth in the tree. */
  readonly lag: number;
}

/** To be recorded between a pass and what reads its logits. */
export function recordEdits(
  { gpu, scope, target, edits: state, history: text, recording }: EditContext,
  { logits, vocab, rows, nodeStart, tree, treeStatics: statics, lag }: EditedRows,
): void {
  if (!state || !text) return;
  const pipeline = gpu.kernels.compile(editRows, { statics });
  const { seen, edits } = state;
  const { history } = text;
  const bound = pipeline.bind(
    scope,
    { control: target.state.control, tree, history, seen, edits, logits },
    { vocab, node_start: nodeStart, lag },
  );
  recording.dispatch(bound, editRowsGrid(rows));
}

/** To be recorded after verification: the round's tokens join the text, where anything goes by it. */
export function recordHistory({
  gpu,
  scope,
  target,
  edits: counted,
  history: state,
  recording,
}: EditContext): void {
  if (!state) return;
  const { control, tree, statics } = target.state;
  const pipeline = gpu.kernels.compile(extendHistory, { statics });
  const { history, seen, edits } = state;
  const bound = pipeline.bind(
    scope,
    { control, tree, edits, history, seen },
    { counts: counted ? 1 : 0 },
  );
  recording.dispatch(bound, extendHistoryGrid());
}
