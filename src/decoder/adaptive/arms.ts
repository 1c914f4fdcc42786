/** What `tree: "auto"` chooses from: plain decoding, or speculation with one of a few best-first trees. */
import type { BestFirstTree } from "../../options.ts";
import type { PathStep } from "../../tree/rounds.ts";

/** A best-first tree by its size; what the draft's scores are divided by is chosen elsewhere. */
export type TreeSize = Required<Pick<BestFirstTree, "nodes" | "depth" | "width">>;

/** One way to run a round. */
export interface Arm {
  /** Undefined: plain decoding, one node and no pass of the draft. */
  readonly tree: TreeSize | undefined;
}

/**
 * Budgets double because their worth grows with the logarithm of their size (Sequoia, arXiv 2402.12374, section 3.1), and
 * sit where a pass of the target fills whole tiles of rows. The shallow one is for a draft that costs half a target,
 * the narrow deep one for a draft that is cheap and nearly always right. Every arm is a recording of its own on the GPU, so
 * there are few.
 */
export const DEFAULT_ARMS: readonly Arm[] = [
  { tree: undefined },
  { tree: { nodes: 4, depth: 2, width: 2 } },
  { tree: { nodes: 8, depth: 4, width: 3 } },
  { tree: { nodes: 16, depth: 5, width: 4 } },
  { tree: { nodes: 16, depth: 10, width: 3 } },
  { tree: { nodes: 32, depth: 7, width: 6 } },
  { tree: { nodes: 64, depth: 9, width: 8 } },
];

/** Rows that a round's pass of the target has, 1..64. */
export function nodesOf(arm: Arm): number {
  return arm.tree?.nodes ?? 1;
}

/** Passes of the draft in a round, 0..63: one per level. */
export function depthOf(arm: Arm): number {
  return arm.tree === undefined ? 0 : Math.min(arm.tree.depth, arm.tree.nodes - 1);
}

/** What a round accepted, in order, the root left out. */
export type AcceptedPath = readonly Pick<PathStep, "place" | "placeInLevel">[];

/** Whether a tree's nodes are among another's: the surest of them, as deep and as wide as it may be. */
export function isWithin(tree: TreeSize, other: TreeSize): boolean {
  return tree.nodes <= other.nodes && tree.depth <= other.depth && tree.width <= other.width;
}

/** How much of a path, accepted in a larger tree, a tree would have accepted. */
export function acceptedWithin({ nodes, depth, width }: TreeSize, path: AcceptedPath): number {
  const beyond = path.findIndex(
    ({ place, placeInLevel }, i) => i >= depth || place >= nodes || placeInLevel >= width,
  );
  return beyond < 0 ? path.length : beyond;
}
