/** What a sequence must be started with. */
import { CoppiceError } from "../errors.ts";
import type { SequenceStart } from "./rounds.ts";

/**
 * @param hasEdits Whether the session was made for edits.
 * @throws CoppiceError `context-overflow`, or `internal` where the session is another decoder's.
 */
export function checkStart(
  { prompt, edits }: SequenceStart,
  contextLength: number,
  hasEdits: boolean,
): void {
  if ((edits !== undefined) !== hasEdits) {
    throw new CoppiceError(
      "internal",
      "A session made for edits needs them, and no other takes any.",
      "Open the session with the rules of this text.",
    );
  }
  if (prompt.length < 1 || prompt.length >= contextLength) {
    throw new CoppiceError(
      "context-overflow",
      `A prompt of ${prompt.length} tokens does not fit a context of ${contextLength} with room for one more.`,
      "Give 1 token or more, shorten the prompt, or load the engine with a larger contextLength.",
    );
  }
}
