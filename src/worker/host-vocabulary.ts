/** Which tokens a draft is to know: from ids, or counted on a text. */
import { checkIds } from "../decoder/checks.ts";
import type { ResolvedDraft } from "../decoder/load-options.ts";
import type { Tokenizer } from "../tokenizer/index.ts";

/**
 * Rising ids; undefined: all. Tokens as frequent as each other are taken by rising id.
 * @throws CoppiceError `option-invalid` for an id beyond the vocabulary.
 */
export function keptVocabulary(
  wanted: ResolvedDraft["vocabulary"],
  tokenizer: Pick<Tokenizer, "encode" | "endOfText">,
  vocabSize: number,
): readonly number[] | undefined {
  if (wanted === undefined) return undefined;
  const ids =
    "text" in wanted
      ? [...mostFrequent(tokenizer.encode(wanted.text), wanted.size), ...tokenizer.endOfText]
      : checkIds("draft.vocabulary", wanted, vocabSize);
  return [...new Set(ids)].toSorted((a, b) => a - b);
}

/** The most frequent first; of those as frequent as each other the lowest first. */
export function mostFrequent(ids: readonly number[], size = ids.length): number[] {
  const counts = new Map<number, number>();
  for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
  return [...counts]
    .toSorted(([a, often], [b, oftener]) => oftener - often || a - b)
    .slice(0, size)
    .map(([id]) => id);
}
