/** The edits of one row of logits, as shaders/edit-rows.wgsl does them, in place. */
import type { ResolvedEdits } from "../../options.ts";
import type { Row } from "./rows.ts";

/** A text: all that stands before the row's next token, and how much of it is not new. */
export interface EditedText {
  readonly tokens: readonly number[];
  /** Tokens before the first new one; below 0 where the first new ones are forgotten. */
  readonly promptLength: number;
  readonly endTokens: readonly number[];
}

export function editRow(row: Row, edits: ResolvedEdits, text: EditedText): void {
  const { tokens } = text;
  const newTokens = tokens.length - text.promptLength;
  const forced = edits.forced.find(([index]) => index === newTokens);
  if (forced) {
    row.fill(-Infinity);
    row[forced[1]] = 0;
    return;
  }
  for (const [id, amount] of edits.biases) row[id]! += amount;
  penalise(row, edits, tokens);
  for (const id of edits.banned) row[id] = -Infinity;
  if (newTokens < edits.minNewTokens) for (const id of text.endTokens) row[id] = -Infinity;
  for (const id of completions(tokens, edits.noRepeatNgram)) row[id] = -Infinity;
}

function penalise(row: Row, edits: ResolvedEdits, tokens: readonly number[]): void {
  const repetition = Math.fround(edits.repetition);
  const { presence, frequency, window } = edits;
  if (repetition === 1 && presence === 0 && frequency === 0) return;
  const counts = new Map<number, number>();
  for (const id of window > 0 ? tokens.slice(-window) : tokens) {
    counts.set(id, (counts.get(id) ?? 0) + 1);
  }
  for (const [id, count] of counts) {
    // Each step is rounded to f32 as the shader's are.
    const z = row[id]!;
    const scaled = repetition === 1 ? z : Math.fround(z > 0 ? z / repetition : z * repetition);
    row[id] = scaled - Math.fround(Math.fround(count * Math.fround(frequency)) + presence);
  }
}

/** Tokens that would complete an n-gram which the text has already. */
function completions(tokens: readonly number[], n: number): Set<number> {
  const found = new Set<number>();
  if (n === 0) return found;
  for (let at = n - 1; at < tokens.length; at++) {
    let same = true;
    for (let i = 1; i < n && same; i++) same = tokens[at - i] === tokens[tokens.length - i];
    if (same) found.add(tokens[at]!);
  }
  return found;
}
