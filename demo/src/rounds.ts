/** What the page keeps of each round: its tokens, its tree and the figures so far. */
import type { Metrics, StreamPart, StreamToken, TreeSnapshot } from "coppice";

/** What can be drawn of a round. */
export interface Growth {
  readonly tokens: readonly StreamToken[];
  readonly tree: TreeSnapshot | undefined;
  /** Whether the tree's scores say how sure the draft was. */
  readonly hasConfidence: boolean;
  /** Set where the tree is made of so many drafts, whose best is its path. */
  readonly drafts?: number;
}

export interface Round extends Growth {
  readonly metrics: Metrics;
}

type TextDelta = Extract<StreamPart, { readonly type: "text-delta" }>;

export function roundOf(
  { text, tokens, metrics }: TextDelta,
  tree: TreeSnapshot | undefined,
): Omit<Round, "hasConfidence"> {
  const rest = text.slice(tokens.reduce((length, token) => length + token.text.length, 0));
  // The mark for a character that stayed incomplete belongs to no token: the last one shows it.
  const last = tokens.at(-1);
  const shown =
    rest && last ? [...tokens.slice(0, -1), { ...last, text: last.text + rest }] : tokens;
  return { tokens: shown, tree, metrics };
}

/** How sure the draft was of a token of its own, 0..1; undefined for the target's, and where the scores do not say. */
export function confidenceOf(round: Growth, index: number): number | undefined {
  const { tokens, tree } = round;
  // The path begins with the stump, which was written a round before.
  const node = tokens[index]?.origin === "accepted" ? tree?.path[index + 1] : undefined;
  const parent = node === undefined ? undefined : tree?.path[index];
  if (!tree || node === undefined || parent === undefined) return undefined;
  if (!round.hasConfidence) return undefined;
  return Math.exp((tree.scores[node] ?? 0) - (tree.scores[parent] ?? 0));
}

/** What the target gives each node of a tree after its parent, 0..1, where that was asked; undefined for the root. */
export function targetShares({ tree }: Growth): (number | undefined)[] {
  if (!tree) return [];
  return tree.tokens.map((_, node) => {
    const logProbability = node > 0 ? tree.logProbabilities?.[node] : undefined;
    return logProbability === undefined ? undefined : Math.exp(logProbability);
  });
}
