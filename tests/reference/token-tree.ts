/** A token tree as the references see it: field by field, node 0 first; the root's parent is -1. */
export interface ReferenceTree {
  tokens: number[];
  parents: number[];
  depths: number[];
  scores: number[];
  origins: number[];
  ancestors: number[][];
}

export function emptyTree(): ReferenceTree {
  return { tokens: [], parents: [], depths: [], scores: [], origins: [], ancestors: [] };
}

/** Appends a node and returns its index; depth and ancestors follow from the parent. */
export function addNode(
  tree: ReferenceTree,
  node: { token: number; parent: number; score?: number; origin?: number },
): number {
  const index = tree.tokens.length;
  const above = node.parent < 0 ? [] : tree.ancestors[node.parent]!;
  tree.tokens.push(node.token);
  tree.parents.push(node.parent);
  tree.depths.push(above.length);
  tree.scores.push(node.score ?? 0);
  tree.origins.push(node.origin ?? index);
  tree.ancestors.push([...above, index]);
  return index;
}
