/** Tokens as words to be read. */

/**
 * A token as a word: the space before it goes without saying, so a token that lacks one gets a hyphen, as where
 * a printed word is broken. Capitals begin a line or a quotation, not the rest of a word.
 */
export function wordOf(text: string): string {
  if (text === "") return "…";
  if (/^\s+$/.test(text)) return text.includes("\n") ? "¶" : "␣";
  const word = text.replaceAll("\n", "¶").trim();
  return /^\p{Ll}/u.test(text) ? `‑${word}` : word;
}
