// Multi-step speculative sampling (SpecInfer, arXiv 2305.09781): siblings are independent draws,
// so each is weighed with the draft's whole law, and a rejection takes that whole law off the target's.
import type { Chance } from "./chance.ts";
import { tokenOf, type DraftNode } from "./draft-tree.ts";
import { acceptance, positivePart, type Pair } from "./law.ts";
import type { VerifyRule } from "./recursive.ts";

/**
 * Siblings in the order they were drawn, or in a uniformly random one as in the paper. Both are lossless, with the same
 * law: the draws are exchangeable, so any order that does not look at the tokens leaves each one, given those before
 * it, a fresh draw from the draft. (The paper needs the random order for several drafts of unequal merit.)
 */
export function specinferIn(order: "drawn" | "random"): VerifyRule {
  return (chance, tree, pair) => {
    let node = tree;
    for (;;) {
      const siblings = order === "drawn" ? node.children : shuffled(chance, node.children);
      const next = visitChildren(chance, node.path, siblings, pair);
      if (typeof next === "number") return [...node.path, next];
      node = next;
    }
  };
}

export const specinfer: VerifyRule = specinferIn("drawn");

function visitChildren(
  chance: Chance,
  path: readonly number[],
  siblings: readonly DraftNode[],
  { target, draft }: Pair,
): DraftNode | number {
  let left = target(path);
  const law = draft(path);
  for (const child of siblings) {
    const token = tokenOf(child);
    // Once rejected, a token has nothing left: its second copy is rejected for certain.
    if (chance.accept(acceptance(left[token]!, law[token]!))) return child;
    const after = positivePart(left, law).law;
    if (!after) return child;
    left = after;
  }
  return chance.draw(left);
}

function shuffled<T>(chance: Chance, items: readonly T[]): T[] {
  const rest = [...items];
  const order: T[] = [];
  while (rest.length > 0) {
    const [item] = rest.splice(chance.draw(rest.map(() => 1)), 1);
    order.push(item!);
  }
  return order;
}
