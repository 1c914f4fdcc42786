// Trees and rules that are wrong on purpose, in ways that have shipped or suggest themselves. The tests that
// prove the right ones must catch every one of these, or they prove nothing.
import { blockWith } from "./block.ts";
import { byProbability, tokenOf, type DraftNode, type GrowTree } from "./draft-tree.ts";
import { recursiveWith, type VerifyRule } from "./recursive.ts";

/** Siblings listed from likely to unlikely instead of as drawn: whether x comes first now depends on x. */
export function likelyFirst(grow: GrowTree): GrowTree {
  return (chance, pair) => {
    const sort = ({ path, children }: DraftNode): DraftNode => {
      const order = byProbability(pair.draft(path));
      const sorted = [...children].sort(
        (a, b) => order.indexOf(tokenOf(a)) - order.indexOf(tokenOf(b)),
      );
      return { path, children: sorted.map(sort) };
    };
    return sort(grow(chance, pair));
  };
}

/** Drawn children below a probability dropped: whether x is there now depends on x. */
export function unlikelyPruned(grow: GrowTree, least: number): GrowTree {
  return (chance, pair) => {
    const prune = ({ path, children }: DraftNode): DraftNode => {
      const law = pair.draft(path);
      return { path, children: children.filter((x) => law[tokenOf(x)]! >= least).map(prune) };
    };
    return prune(grow(chance, pair));
  };
}

/** A later sibling weighed with a law that still counts the earlier ones. */
export const notRenormalised: VerifyRule = recursiveWith({ renormalise: false, residual: true });

/** Every sibling weighed against the whole target (TensorRT-LLM's `verifyDynamicTreeRejectionKernel`, as of 16f02671). */
export const noResidual: VerifyRule = recursiveWith({ renormalise: true, residual: false });

/** Block verification with the residual of speculative sampling. */
export const tokenResidual: VerifyRule = blockWith({ weighted: false });

/**
 * One target draw per path and depth instead of one per node (Medusa's nucleus mode, `medusa/model/utils.py`): a node
 * that several paths share gets several tries. The path that matches longest is kept, with its own last draw.
 */
export const drawPerPath: VerifyRule = (chance, tree, { target }) => {
  let best: number[] = [];
  for (const leaf of leavesOf(tree)) {
    const emitted: number[] = [];
    // Past the leaf, the path has no token to match.
    do emitted.push(chance.draw(target(leaf.path.slice(0, emitted.length))));
    while (emitted.at(-1) === leaf.path[emitted.length - 1]);
    if (emitted.length > best.length) best = emitted;
  }
  return best;
};

function leavesOf(node: DraftNode): DraftNode[] {
  return node.children.length === 0 ? [node] : node.children.flatMap(leavesOf);
}
