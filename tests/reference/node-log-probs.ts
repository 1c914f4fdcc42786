import { logProbOf } from "./gather-log-probs.ts";
import type { ReferenceTree } from "./token-tree.ts";

/** Of every node its token's log-probability in its parent's row of `rows`; 0 for the root. */
export function nodeLogProbs({ tokens, parents }: ReferenceTree, rows: ArrayLike<number>[]) {
  return tokens.map((token, node) =>
    node === 0 ? 0 : logProbOf(rows[parents[node]!]!, token, 0).logProbability,
  );
}
