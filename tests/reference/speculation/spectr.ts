// K-SEQ (SpecTr, arXiv 2310.15141): K independent draws are each accepted with probability
// min(1, p / (rho q)), with one rho for all of them that is just large enough for exactness. Below the first
// level only the paths through the accepted token are left, so K shrinks.
import type { Chance } from "./chance.ts";
import { tokenOf, type DraftNode } from "./draft-tree.ts";
import { acceptance, positivePart, type Pair } from "./law.ts";
import type { VerifyRule } from "./recursive.ts";

export const spectr: VerifyRule = (chance, tree, pair) => {
  let node = tree;
  for (;;) {
    const next = visitChildren(chance, node, pair);
    if (typeof next === "number") return [...node.path, next];
    node = next;
  }
};

function visitChildren(chance: Chance, node: DraftNode, pair: Pair): DraftNode | number {
  const [p, q] = [pair.target(node.path), pair.draft(node.path)];
  const { length: count } = node.children;
  if (count === 0) return chance.draw(p);
  const rho = solveRho(p, q, count);
  for (const child of node.children) {
    const token = tokenOf(child);
    if (chance.accept(acceptance(p[token]!, rho * q[token]!))) return child;
  }
  // Each draw accepts x with probability min(q, p / rho), and a draw is looked at only after rejections.
  const beta = overlap(p, q, rho);
  const looks = beta > 0 ? acceptedByAny(beta, count) / beta : count;
  const accepted = p.map((x, token) => looks * Math.min(q[token]!, x / rho));
  return chance.draw(positivePart(p, accepted).law ?? p);
}

/** The rho in [1, K] with 1 - (1 - beta)^K = rho beta, from above: a smaller one would accept too much. */
export function solveRho(p: readonly number[], q: readonly number[], count: number): number {
  let [low, high] = [1, count];
  for (let i = 0; i < 60; i++) {
    const rho = (low + high) / 2;
    const beta = overlap(p, q, rho);
    if (acceptedByAny(beta, count) > rho * beta) low = rho;
    else high = rho;
  }
  return high;
}

function overlap(p: readonly number[], q: readonly number[], rho: number): number {
  return p.reduce((sum, x, token) => sum + Math.min(q[token]!, x / rho), 0);
}

function acceptedByAny(beta: number, count: number): number {
  return 1 - (1 - Math.min(1, beta)) ** count;
}
