// Traversal verification (arXiv 2505.12398): the tree is judged from its leaves to its root, each
// path as a whole. A node is entered with the share A of the draft's mass there that the target can take; inside,
// something is accepted with probability A exactly, whatever the subtree is like. That is why the siblings that
// follow may be weighed as if the subtree were a single coin.
import type { Chance } from "./chance.ts";
import { tokenOf, type DraftNode } from "./draft-tree.ts";
import { acceptance, positivePart, without, type Pair } from "./law.ts";
import type { VerifyRule } from "./recursive.ts";

/** How the siblings were drawn: a later one's law is without the earlier ones, or the whole. */
export function traversalOf(drawn: "without-replacement" | "independently"): VerifyRule {
  return (chance, tree, pair) => {
    const emitted = visit(chance, tree, 1, pair, drawn === "without-replacement");
    if (!emitted) throw new Error("unreachable: the root's share is 1");
    return emitted;
  };
}

export const traversal: VerifyRule = traversalOf("without-replacement");

/** The tokens emitted from this subtree, or nothing if all of it is rejected. */
function visit(
  chance: Chance,
  node: DraftNode,
  entered: number,
  pair: Pair,
  distinct: boolean,
): number[] | undefined {
  let left = pair.target(node.path);
  let law = pair.draft(node.path);
  let share = entered;
  for (const child of node.children) {
    const token = tokenOf(child);
    const childShare = acceptance(share * left[token]!, law[token]!);
    const emitted = visit(chance, child, childShare, pair, distinct);
    if (emitted) return emitted;
    const after = positivePart(left, law, share);
    // In this order: a small mass added to 1 first would be lost, and the root's share no longer be 1.
    const denominator = after.mass + (1 - share);
    share = denominator > 0 ? after.mass / denominator : 1;
    left = after.law ?? left;
    if (distinct) law = without(law, token);
  }
  return chance.accept(share) ? [...node.path, chance.draw(left)] : undefined;
}
