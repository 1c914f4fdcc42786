export interface SeenToken {
  count: number;
  last: number;
}

/** How often the last `window` tokens (0: all) have each id, and where it is last; undefined where they do not. */
export function seenTokens(text: readonly number[], window: number): Map<number, SeenToken> {
  const seen = new Map<number, SeenToken>();
  text.forEach((token, position) => {
    if (window > 0 && position < text.length - window) return;
    seen.set(token, { count: (seen.get(token)?.count ?? 0) + 1, last: position });
  });
  return seen;
}
