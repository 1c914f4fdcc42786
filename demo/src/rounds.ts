/** What the page keeps of each round: its tokens, its tree and the figures so far. */
import type { Metrics, StreamPart, StreamToken, TreeSnapshot } from "coppice";

export interface Round {
  readonly tokens: readonly StreamToken[];
  readonly tree: TreeSnapshot | undefined;
  readonly metrics: Metrics;
}

type TextDelta = Extract<StreamPart, { readonly type: "text-delta" }>;

export function roundOf(
  { text, tokens, metrics }: TextDelta,
  tree: TreeSnapshot | undefined,
): Round {
  const rest = text.slice(tokens.reduce((length, token) => length + token.text.length, 0));
  // The mark for a character that stayed incomplete belongs to no token: the last one shows it.
  const last = tokens.at(-1);
  const shown =
    rest && last ? [...tokens.slice(0, -1), { ...last, text: last.text + rest }] : tokens;
  return { tokens: shown, tree, metrics };
}

/** What the draft thought of a token of its own, 0..1; undefined for the target's. */
export function probabilityOf({ tokens, tree }: Round, index: number): number | undefined {
  // The path begins with the stump, which was written a round before.
  const node = tokens[index]?.origin === "accepted" ? tree?.path[index + 1] : undefined;
  const parent = node === undefined ? undefined : tree?.path[index];
  if (!tree || node === undefined || parent === undefined) return undefined;
  return Math.exp((tree.scores[node] ?? 0) - (tree.scores[parent] ?? 0));
}
