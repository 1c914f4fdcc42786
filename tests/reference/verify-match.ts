export interface ReferenceControl {
  base: number;
  pending: number;
  previous: number;
  round: number;
}

export interface Verified {
  control: ReferenceControl;
  path: number[];
  tokens: number[];
  leaf: boolean;
}

/** Walks down from the root for as long as the target's own token is among the children. */
export function verifyMatch(
  tree: { tokens: readonly number[]; parents: readonly number[] },
  ids: ArrayLike<number>,
  control: ReferenceControl,
): Verified {
  const path = [0];
  const tokens: number[] = [];
  for (;;) {
    const node = path.at(-1)!;
    const token = ids[node]!;
    tokens.push(token);
    const children = tree.parents.flatMap((parent, i) => (parent === node ? [i] : []));
    const next = children.find((child) => tree.tokens[child] === token);
    if (next !== undefined) {
      path.push(next);
      continue;
    }
    const after = {
      base: control.base + tokens.length,
      pending: token,
      previous: tokens.at(-2) ?? control.pending,
      round: control.round + 1,
    };
    return { control: after, path, tokens, leaf: children.length === 0 };
  }
}

interface ScoredTree {
  readonly parents: readonly number[];
  readonly depths: readonly number[];
  readonly scores: readonly number[];
}

/** Where a node stands among its siblings, and by score in its tree and its level; on a tie the first is the surer. */
export function stepOf({ parents, depths, scores }: ScoredTree, node: number) {
  const surer = parents.flatMap((_, i) =>
    scores[i]! > scores[node]! || (scores[i] === scores[node] && i < node) ? [i] : [],
  );
  return {
    rank: parents.slice(0, node).filter((parent) => parent === parents[node]).length,
    place: surer.length,
    placeInLevel: surer.filter((i) => depths[i] === depths[node]).length,
  };
}

/** The probability of a node's likeliest child in 255ths, at least one of them; 0 for a leaf. */
export function surenessOf({ parents, scores }: ScoredTree, node: number): number {
  const children = scores.filter((_, i) => parents[i] === node);
  if (children.length === 0) return 0;
  const probability = Math.exp(Math.max(...children) - scores[node]!);
  return Math.max(1, Math.round(255 * Math.min(1, probability))) / 255;
}
