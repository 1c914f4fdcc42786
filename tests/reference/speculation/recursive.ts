// Recursive rejection sampling (RSD, arXiv 2402.14160; Sequoia, arXiv 2402.12374):
// each sibling was drawn from the draft without the siblings before it, and is weighed against what they
// left of the target. On a chain it is speculative sampling (arXiv 2211.17192, algorithm 1).
import type { Chance } from "./chance.ts";
import { tokenOf, type DraftNode } from "./draft-tree.ts";
import { acceptance, positivePart, without, type Pair } from "./law.ts";

/** One round over a drawn tree: the tokens it emits. */
export type VerifyRule = (chance: Chance, tree: DraftNode, pair: Pair) => number[];

/** What a wrong version may leave out. */
interface Steps {
  /** The law of a later sibling is renormalised without the earlier ones. */
  readonly renormalise: boolean;
  /** A rejection takes the draft's law off the target's. */
  readonly residual: boolean;
}

export const recursive: VerifyRule = recursiveWith({ renormalise: true, residual: true });

export function recursiveWith(steps: Steps): VerifyRule {
  return (chance, tree, pair) => {
    let node = tree;
    for (;;) {
      const next = visitChildren(chance, node, pair, steps);
      if (typeof next === "number") return [...node.path, next];
      node = next;
    }
  };
}

/** The child that was accepted, or the token emitted in its place. */
function visitChildren(
  chance: Chance,
  { path, children }: DraftNode,
  { target, draft }: Pair,
  { renormalise, residual }: Steps,
): DraftNode | number {
  let left = target(path);
  let law = draft(path);
  for (const child of children) {
    const token = tokenOf(child);
    if (chance.accept(acceptance(left[token]!, law[token]!))) return child;
    const after = positivePart(left, law).law;
    if (!after) return child;
    if (residual) left = after;
    if (renormalise) law = without(law, token);
  }
  return chance.draw(left);
}
