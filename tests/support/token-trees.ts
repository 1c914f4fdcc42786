// Tree shapes for tests, and the bridge between a reference's tree and the GPU's bytes.
import { decodeTokenTree, encodeTokenTree, type TreeStatics } from "../../src/kernels/index.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { uniforms } from "./random.ts";

export function toBytes(tree: ReferenceTree, statics: TreeStatics): Uint8Array<ArrayBuffer> {
  const nodes = tree.tokens.map((token, i) => ({
    token,
    parent: tree.parents[i]!,
    score: tree.scores[i]!,
    origin: tree.origins[i]!,
  }));
  return encodeTokenTree(statics, nodes);
}

export function fromBytes(data: ArrayBuffer, statics: TreeStatics, count: number): ReferenceTree {
  return decodeTokenTree(data, statics, count);
}

/** A tree of `parents` whose tokens are drawn below `vocab`; `next` draws from [0, 1). */
export function treeOf(
  parents: readonly number[],
  vocab: number,
  next: () => number,
): ReferenceTree {
  const tree = emptyTree();
  for (const parent of parents) addNode(tree, { token: Math.floor(next() * vocab), parent });
  return tree;
}

/** Parents of a tree with `branching[d]` children for every node of depth d. */
export function branchingParents(branching: readonly number[]): number[] {
  const parents = [-1];
  let level = [0];
  for (const count of branching) {
    level = level.flatMap((node) => Array.from({ length: count }, () => parents.push(node) - 1));
  }
  return parents;
}

/** Parents of a random tree: `bias` near 1 makes it deep, near 0 bushy. */
export function randomParents(nodes: number, bias: number, next: () => number): number[] {
  return Array.from({ length: nodes }, (_, i) => {
    if (i === 0) return -1;
    return next() < bias ? i - 1 : Math.floor(next() * i);
  });
}

/** The shapes that every tree kernel must take: up to 64 nodes. */
export const SHAPES: Readonly<Record<string, readonly number[]>> = {
  "root alone": [-1],
  "two nodes": [-1, 0],
  "chain of 63": branchingParents(Array.from({ length: 63 }, () => 1)),
  "star of 63": branchingParents([63]),
  "branching 2-2-2-2": branchingParents([2, 2, 2, 2]),
  "branching 3-1-2-1-1": branchingParents([3, 1, 2, 1, 1]),
  "width 8, depth 7": [
    ...branchingParents([8]),
    ...Array.from({ length: 48 }, (_, i) => 1 + i - (i % 3)),
  ],
  "64 random nodes": randomParents(64, 0.4, uniforms(64)),
};
