/** What `edit-rows` goes by besides the text, in the GPU's memory: the options, and what of the text penalties look at. */
import type { ResolvedEdits } from "../options.ts";
import { MAX_FORCED } from "../options.ts";
import { editsBytes, encodeEdits, encodeSeen, SEEN_BYTES } from "../model/index.ts";
import type { BufferScope, BufferSlice } from "../model/index.ts";

const MAX_ENDS = 64;

export class EditState {
  readonly edits: BufferSlice;
  /** `[vocab]` of count and last position. */
  readonly seen: BufferSlice;
  readonly #scope: BufferScope;
  readonly #vocabSize: number;

  constructor(scope: BufferScope, vocabSize: number) {
    this.#scope = scope;
    this.#vocabSize = vocabSize;
    // A bias or a ban for every token at most.
    this.edits = scope.storage("edits", editsBytes(2 * vocabSize + MAX_ENDS + MAX_FORCED));
    this.seen = scope.storage("seen tokens", vocabSize * SEEN_BYTES);
  }

  /** Start of a text, or of what follows its first `written` new tokens; from here on the GPU adds what it commits. */
  writeStart(
    edits: ResolvedEdits,
    prompt: readonly number[],
    endTokens: readonly number[],
    written = 0,
  ): void {
    const ends = endTokens.slice(0, MAX_ENDS);
    this.#scope.write(this.edits, 0, encodeEdits(edits, prompt.length - written, ends));
    this.#scope.write(this.seen, 0, encodeSeen(prompt, edits.window, this.#vocabSize));
  }
}
