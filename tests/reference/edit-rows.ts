export interface Edits {
  repetition: number;
  presence: number;
  frequency: number;
  /** 0: all. */
  window: number;
  noRepeatNgram: number;
  minNewTokens: number;
  biases: readonly (readonly [number, number])[];
  banned: readonly number[];
  forced: readonly (readonly [number, number])[];
}

/** The edits of a row whose text is `text`, of which the first `promptLength` tokens are the prompt. */
export function editRow(
  row: ArrayLike<number>,
  text: readonly number[],
  promptLength: number,
  endTokens: readonly number[],
  edits: Edits,
): number[] {
  const newTokens = text.length - promptLength;
  const forced = edits.forced.find(([index]) => index === newTokens);
  if (forced) return Array.from(row, (_, c) => (c === forced[1] ? 0 : -Infinity));
  const recent = edits.window > 0 ? text.slice(-edits.window) : text;
  const banned = new Set([...edits.banned, ...completions(text, edits.noRepeatNgram)]);
  if (newTokens < edits.minNewTokens) endTokens.forEach((id) => banned.add(id));
  return Array.from(row, (logit, c) => {
    if (banned.has(c)) return -Infinity;
    let z = logit + (edits.biases.find(([id]) => id === c)?.[1] ?? 0);
    const count = recent.filter((token) => token === c).length;
    if (count === 0) return z;
    z = z > 0 ? z / edits.repetition : z * edits.repetition;
    return z - count * edits.frequency - edits.presence;
  });
}

/** Tokens that would make the last `n` tokens a sequence that the text has already. */
function completions(text: readonly number[], n: number): number[] {
  if (n === 0) return [];
  const key = (tokens: readonly number[]): string => tokens.join(" ");
  const ending = key(text.slice(text.length - n + 1));
  return text.filter((_, at) => at >= n - 1 && key(text.slice(at - n + 1, at)) === ending);
}
