/** What `tree: "auto"` chooses from: plain decoding, or speculation with one of a few trees. */
import type { BestFirstTree, TreeOptions, VerifyRule } from "../../options.ts";
import type { PathStep } from "../../tree/rounds.ts";

/** A tree by its size; what the draft's scores are divided by is chosen elsewhere. */
export type TreeSize = Required<Pick<BestFirstTree, "nodes" | "depth" | "width">>;

/** One way to run a round. */
export interface Arm {
  /** Undefined: plain decoding, one node and no pass of the draft. */
  readonly tree: TreeSize | undefined;
  /** The rule that keeps a path of it: undefined is `coupled`, on a best-first tree. */
  readonly verify?: "traversal";
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

/**
 * What `verify: "auto"` adds: chains and stochastic beams, verified by traversal, the rejecting rule that accepts most. A
 * single guess is accepted as often as draft and target overlap (Leviathan et al., arXiv 2211.17192), where sharing their
 * noise makes sure of `overlap / (2 - overlap)` only (Daliri et al., arXiv 2408.07978); with several siblings the order
 * turns. So these are for a draft that is nearly the target.
 */
export const REJECTING_ARMS: readonly Arm[] = [
  { tree: { nodes: 5, depth: 4, width: 1 }, verify: "traversal" },
  { tree: { nodes: 9, depth: 8, width: 1 }, verify: "traversal" },
  { tree: { nodes: 13, depth: 4, width: 3 }, verify: "traversal" },
  { tree: { nodes: 31, depth: 6, width: 5 }, verify: "traversal" },
];

/** The arms for a rule, or for a free choice of it; at temperature 0 there is nothing to reject, and all rules are one. */
export function armsFor(verify: VerifyRule | "auto", temperature: number): readonly Arm[] {
  const isFree = verify === "auto" && temperature > 0;
  return isFree ? [...DEFAULT_ARMS, ...REJECTING_ARMS] : DEFAULT_ARMS;
}

/** An arm's tree as an option; undefined for plain decoding. */
export function treeOf({ tree, verify }: Arm): TreeOptions | undefined {
  if (tree === undefined) return undefined;
  const { depth, width } = tree;
  if (verify === undefined) return { kind: "best-first", ...tree };
  return width === 1 ? { kind: "chain", length: depth } : { kind: "rsd-s", width, depth };
}

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

/** Whether an arm's nodes are among another's: the surest of them, as deep and as wide as it may be. */
export function isWithin(arm: Arm, other: Arm): boolean {
  if (arm === other) return true;
  if (arm.verify || other.verify || !arm.tree || !other.tree) return false;
  const [inner, outer] = [arm.tree, other.tree];
  return inner.nodes <= outer.nodes && inner.depth <= outer.depth && inner.width <= outer.width;
}

/** How much of a path, accepted in a larger tree, a tree would have accepted. */
export function acceptedWithin({ nodes, depth, width }: TreeSize, path: AcceptedPath): number {
  const beyond = path.findIndex(
    ({ place, placeInLevel }, i) => i >= depth || place >= nodes || placeInLevel >= width,
  );
  return beyond < 0 ? path.length : beyond;
}
