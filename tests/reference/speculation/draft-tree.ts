// How trees are drawn from a draft, as programs. A node lists its children in the order they were drawn.
import type { Chance } from "./chance.ts";
import type { Model } from "./law.ts";

export interface DraftNode {
  /** Tokens from the root to here, both ends included; the root's is empty. */
  readonly path: readonly number[];
  /** In draw order. A child that was drawn twice is listed twice: the same object, one subtree. */
  readonly children: DraftNode[];
}

export type GrowTree = (chance: Chance, pair: { draft: Model; vocab: number }) => DraftNode;

export function leafAt(path: readonly number[]): DraftNode {
  return { path, children: [] };
}

/** The token a node stands for. */
export function tokenOf(node: DraftNode): number {
  return node.path.at(-1)!;
}

/** One path of `length` draft tokens. */
export const chain = (length: number): GrowTree => rsdC(Array.from({ length }, () => 1));

/** RSD-C (arXiv 2402.14160): a node at depth i gets `branching[i]` children, drawn without replacement. */
export function rsdC(branching: readonly number[]): GrowTree {
  return (chance, { draft }) => {
    const grow = (path: readonly number[], [count, ...below]: readonly number[]): DraftNode => {
      if (count === undefined) return leafAt(path);
      const tokens = drawDistinct(chance, draft(path), count);
      return { path, children: tokens.map((token) => grow([...path, token], below)) };
    };
    return grow([], branching);
  };
}

/** Fewer than `count` where the law has fewer tokens. */
function drawDistinct(chance: Chance, law: readonly number[], count: number): number[] {
  const weights = [...law];
  const drawn: number[] = [];
  while (drawn.length < count && weights.some((weight) => weight > 0)) {
    const token = chance.draw(weights);
    weights[token] = 0;
    drawn.push(token);
  }
  return drawn;
}

/**
 * `count` paths of `length` tokens, each drawn on its own (SpecTr, arXiv 2310.15141). Paths share a node for as long as
 * they agree, and a node lists one child per path through it: these are that many independent draws.
 */
export function paths(count: number, length: number): GrowTree {
  return (chance, { draft }) => {
    const root = leafAt([]);
    for (let i = 0; i < count; i++) {
      let node = root;
      while (node.path.length < length) {
        const path = [...node.path, chance.draw(draft(node.path))];
        const child = node.children.find((other) => tokenOf(other) === path.at(-1)) ?? leafAt(path);
        node.children.push(child);
        node = child;
      }
    }
    return root;
  };
}

/** Drawn by nobody: the `branching[i]` most probable tokens of every node at depth i, as in EAGLE-2 (arXiv 2406.16858). */
export function mostProbable(branching: readonly number[]): GrowTree {
  return (_, { draft }) => {
    const grow = (path: readonly number[], [count, ...below]: readonly number[]): DraftNode => {
      if (count === undefined) return leafAt(path);
      const tokens = byProbability(draft(path)).slice(0, count);
      return { path, children: tokens.map((token) => grow([...path, token], below)) };
    };
    return grow([], branching);
  };
}

/** Tokens from likely to unlikely. */
export function byProbability(law: readonly number[]): number[] {
  return law.map((_, token) => token).sort((a, b) => law[b]! - law[a]! || a - b);
}
