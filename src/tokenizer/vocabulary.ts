/** A draft proposes ids to the target, so an id must mean the same token to both. */
import { CoppiceError } from "../errors.ts";
import type { Tokenizer } from "./tokenizer.ts";

export interface Vocabulary {
  /** From the model's configuration. */
  readonly vocabSize: number;
  /** Undefined where the model came without one. */
  readonly tokenizer?: Tokenizer | undefined;
}

/**
 * A draft that has no tokenizer of its own passes on its size alone.
 * @throws CoppiceError `vocabulary-mismatch` with the first difference.
 */
export function assertSameVocabulary(target: Vocabulary, draft: Vocabulary): void {
  if (target.vocabSize !== draft.vocabSize) {
    throw mismatch(`The target has ${target.vocabSize} tokens, the draft ${draft.vocabSize}.`);
  }
  if (!target.tokenizer || !draft.tokenizer) return;
  for (let id = 0; id < target.vocabSize; id++) {
    const [wanted, found] = [target.tokenizer.tokenOf(id), draft.tokenizer.tokenOf(id)];
    if (wanted === found) continue;
    const show = (token: string | undefined): string => JSON.stringify(token ?? null);
    throw mismatch(`Token ${id} is ${show(wanted)} to the target and ${show(found)} to the draft.`);
  }
}

function mismatch(message: string): CoppiceError {
  return new CoppiceError(
    "vocabulary-mismatch",
    message,
    "Use a draft from the target's own family, with the same tokenizer.",
  );
}
