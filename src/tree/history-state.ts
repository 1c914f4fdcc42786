/** The committed text in the GPU's memory, for what goes by it: edits of the logits, and momentum. */
import { editsBytes, SEEN_BYTES } from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";
import type { EditState } from "./edit-state.ts";
import { MAX_NODES } from "./tree-plan.ts";

export class HistoryState {
  /** `[context]` u32: tokens by position, the root's included. */
  readonly history: BufferSlice;
  /** What `extend-history` keeps besides; without edits a few bytes that nobody reads. */
  readonly edits: BufferSlice;
  readonly seen: BufferSlice;
  readonly #scope: BufferScope;

  constructor(scope: BufferScope, contextLength: number, edits: EditState | undefined) {
    this.#scope = scope;
    this.history = scope.storage("history", (contextLength + MAX_NODES) * 4);
    this.edits = edits?.edits ?? scope.storage("no edits", editsBytes(1));
    this.seen = edits?.seen ?? scope.storage("no counts", SEEN_BYTES);
  }

  /** Start of a text; from here on the GPU adds what it commits. */
  writeStart(prompt: readonly number[]): void {
    this.#scope.write(this.history, 0, Uint32Array.from(prompt));
  }
}
