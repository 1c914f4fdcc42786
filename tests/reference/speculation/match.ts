// Sample and match: the target draws one token per node, and the walk follows for as long as that token is a
// child. What is emitted is the target's draws, so any tree is lossless, however it came to be - even one that
// knows the draws, as when draft and target share their noise (Gumbel coupling, Daliri et al., arXiv 2408.07978).
import type { Chance } from "./chance.ts";
import { leafAt, tokenOf, type DraftNode } from "./draft-tree.ts";
import type { Model, Pair } from "./law.ts";
import type { VerifyRule } from "./recursive.ts";

/** The target's draw at a node. */
export type TokenAt = (path: readonly number[]) => number;

export const match: VerifyRule = (chance, tree, pair) => walk(tree, targetDraws(chance, pair));

export function walk(tree: DraftNode, tokenAt: TokenAt): number[] {
  const emitted: number[] = [];
  let node: DraftNode | undefined = tree;
  while (node) {
    const token = tokenAt(node.path);
    emitted.push(token);
    node = node.children.find((child) => tokenOf(child) === token);
  }
  return emitted;
}

/** One draw per node, however often it is asked for. */
function targetDraws(chance: Chance, { target }: Pair): TokenAt {
  const drawn = new Map<string, number>();
  return (path) => {
    const key = path.join();
    const token = drawn.get(key) ?? chance.draw(target(path));
    drawn.set(key, token);
    return token;
  };
}

/**
 * A round whose tree is grown by someone who sees the target's draws and hopes to bend the law: each node of the tree
 * gets the children that `choose` names. Coupled noise is a special case: given the draws, its tree is some random tree.
 */
export function foreknowingRound(
  chance: Chance,
  pair: Pair,
  depth: number,
  choose: (drawn: number, chance: Chance) => readonly number[],
): number[] {
  const tokenAt = targetDraws(chance, pair);
  const grow = (path: readonly number[]): DraftNode => {
    if (path.length === depth) return leafAt(path);
    const tokens = choose(tokenAt(path), chance);
    return { path, children: tokens.map((token) => grow([...path, token])) };
  };
  return walk(grow([]), tokenAt);
}

/** Gumbel noise by absolute position and token. */
export type Noise = (position: number, token: number) => number;

/** Tokens from best to worst under noise: the first is a draw from the law, the first k are k without replacement. */
export function noisyTokens(law: readonly number[], position: number, noise: Noise): number[] {
  const score = law.map((p, token) => (p > 0 ? Math.log(p) + noise(position, token) : -Infinity));
  const possible = score.flatMap((value, token) => (value > -Infinity ? [token] : []));
  return possible.sort((a, b) => score[b]! - score[a]! || a - b);
}

/** A tree of the draft's best `branching[i]` tokens under the target's own noise. */
export function coupledTree(
  draft: Model,
  prefix: readonly number[],
  branching: readonly number[],
  noise: Noise,
): DraftNode {
  const grow = (path: readonly number[]): DraftNode => {
    const count = branching[path.length];
    if (count === undefined) return leafAt(path);
    const text = [...prefix, ...path];
    const tokens = noisyTokens(draft(text), text.length, noise).slice(0, count);
    return { path, children: tokens.map((token) => grow([...path, token])) };
  };
  return grow([]);
}
