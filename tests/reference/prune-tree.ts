import { compareDown } from "./order.ts";
import { addNode, emptyTree, type ReferenceTree } from "./token-tree.ts";

const ROOT = 1;

/** The root and the `nodes - 1` best candidates of a draft's tree, in index order. */
export function pruneTree(draft: ReferenceTree, nodes: number): ReferenceTree {
  const candidates = draft.tokens.map((_, i) => i).slice(ROOT + 1);
  candidates.sort((a, b) => compareDown(draft.scores[a]!, draft.scores[b]!) || a - b);
  const kept = [ROOT, ...candidates.slice(0, nodes - 1).sort((a, b) => a - b)];
  const pruned = emptyTree();
  for (const i of kept) {
    const parent = kept.indexOf(draft.parents[i]!);
    if (i !== ROOT && parent < 0) throw new Error(`node ${i} is kept without its parent`);
    addNode(pruned, { token: draft.tokens[i]!, parent, score: draft.scores[i]!, origin: i });
  }
  return pruned;
}
