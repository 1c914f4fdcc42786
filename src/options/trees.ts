/** The shapes of token trees. */

/** One path of `length` tokens (1..63): plain speculative decoding. */
export interface ChainTree {
  readonly kind: "chain";
  readonly length: number;
}

/**
 * Constant branching: every node at depth i gets `branching[i]` children, drawn without replacement (Recursive
 * Speculative Decoding, arXiv 2402.14160, RSD-C). The whole tree has at most 64 nodes, the root included.
 */
export interface BranchingTree {
  readonly kind: "rsd-c";
  readonly branching: readonly number[];
}

/**
 * A stochastic beam search: `width` paths of `depth` tokens, drawn without replacement (Recursive Speculative Decoding,
 * arXiv 2402.14160, RSD-S). `1 + width * depth` is at most 64.
 */
export interface BeamTree {
  readonly kind: "rsd-s";
  readonly width: number;
  readonly depth: number;
}

/**
 * `count` paths of `length` tokens, each drawn on its own, with replacement (SpecTr, arXiv 2310.15141; SpecInfer, arXiv
 * 2305.09781). `1 + count * length` is at most 64.
 */
export interface PathsTree {
  readonly kind: "paths";
  readonly count: number;
  readonly length: number;
}

/**
 * The `nodes` most promising nodes by path probability under the draft (after EAGLE-2, arXiv 2406.16858, and OPT-Tree,
 * arXiv 2406.17276): each level keeps the `width` best, then the whole tree is cut to the budget. Where tokens are
 * sampled, the draft knows the noise the target will draw with, and takes it into account.
 */
export interface BestFirstTree {
  readonly kind: "best-first";
  /** Nodes that the target scores, root included, 2..64. Default 16. */
  readonly nodes?: number;
  /** Longest path below the root, 1..63: one pass of the draft each. Default 5. */
  readonly depth?: number;
  /** Nodes kept per level, 1..63. Default 4. */
  readonly width?: number;
  /**
   * The temperature of the softmax that turns the draft's scores into confidence, above 0 to 10: above 1 for a draft
   * that is too sure of itself. Default 1.
   */
  readonly confidence?: number;
}

/** Nodes that one pass of the target scores, the root included. */
export const MAX_TREE_NODES = 64;

/** What a best-first tree is where its options are left out. */
export const BEST_FIRST_DEFAULTS = { nodes: 16, depth: 5, width: 4, confidence: 1 } as const;

/**
 * Chooses a best-first tree, or plain decoding, while decoding: by what each costs on this device and how much of it is
 * accepted (after SmartSpec, arXiv 2406.14066, and Sequoia, arXiv 2402.12374). The text does not depend on the choices.
 */
export interface AutoTree {
  readonly kind: "auto";
}

export type TreeOptions = ChainTree | BranchingTree | BeamTree | PathsTree | BestFirstTree;
