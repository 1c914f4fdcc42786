import { compareDown } from "./order.ts";
import { addNode, type ReferenceTree } from "./token-tree.ts";

export interface GrowLevel {
  frontierStart: number;
  frontierCount: number;
  k: number;
  width: number;
}

/** Appends the next level to `tree`; `candidates` in rows of `k`. Sums are rounded to f32, as scores are kept. */
export function growLevel(
  tree: ReferenceTree,
  candidates: readonly { token: number; score: number }[],
  { frontierStart, frontierCount, k, width }: GrowLevel,
): void {
  const children = candidates.slice(0, frontierCount * k).map(({ token, score }, place) => {
    const parent = frontierStart + Math.floor(place / k);
    return { token, parent, score: Math.fround(tree.scores[parent]! + score), place };
  });
  const best = [...children].sort((a, b) => compareDown(a.score, b.score) || a.place - b.place);
  const chosen = best.slice(0, width).sort((a, b) => a.place - b.place);
  for (const child of chosen) addNode(tree, child);
}
