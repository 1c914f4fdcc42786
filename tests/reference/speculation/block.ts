// Block verification (arXiv 2403.10444): a chain is judged as a whole. A token that looks bad can
// be carried by what follows it, so the longest beginning that passes is kept, not the one before the first failure.
import type { Chance } from "./chance.ts";
import { tokenOf, type DraftNode } from "./draft-tree.ts";
import { acceptance, positivePart, type Pair } from "./law.ts";
import type { VerifyRule } from "./recursive.ts";

/** Chains only. */
export const block: VerifyRule = blockWith({ weighted: true });

/** A wrong version draws from the residual of a single token, as if the path before it had no weight. */
export function blockWith({ weighted }: { readonly weighted: boolean }): VerifyRule {
  return (chance, tree, pair) => keepLongest(chance, chainOf(tree), pair, weighted);
}

function keepLongest(
  chance: Chance,
  nodes: readonly DraftNode[],
  pair: Pair,
  weighted: boolean,
): number[] {
  const weights = pathWeights(nodes, pair);
  for (let kept = nodes.length - 1; kept >= 0; kept--) {
    const { path } = nodes[kept]!;
    const weight = weights[kept]!;
    const p = pair.target(path);
    const last = kept === nodes.length - 1;
    const residual = positivePart(p, pair.draft(path), weight);
    // In this order: a small mass added to 1 first would be lost.
    const denominator = residual.mass + (1 - weight);
    const pass = last ? weight : denominator > 0 ? residual.mass / denominator : 1;
    // The root's weight is 1, so an empty beginning passes whenever there is a residual to draw from.
    if (!chance.accept(pass) && kept > 0) continue;
    if (last) return [...path, chance.draw(p)];
    const { law } = weighted ? residual : positivePart(p, pair.draft(path));
    return [...path, chance.draw(law ?? p)];
  }
  throw new Error("unreachable: the root is always kept");
}

function chainOf(tree: DraftNode): DraftNode[] {
  const nodes = [tree];
  for (let node = tree; node.children.length > 0; nodes.push(node)) {
    if (node.children.length > 1) throw new Error("block verification is for chains");
    node = node.children[0]!;
  }
  return nodes;
}

/** w_0 = 1, w_i = min(1, w_(i-1) p(x_i) / q(x_i)): how much of the target's law the draft's path may claim. */
function pathWeights(nodes: readonly DraftNode[], { target, draft }: Pair): number[] {
  const weights = [1];
  for (const [i, { path }] of nodes.slice(0, -1).entries()) {
    const token = tokenOf(nodes[i + 1]!);
    weights.push(acceptance(weights[i]! * target(path)[token]!, draft(path)[token]!));
  }
  return weights;
}
