/** From tree options to the fixed shape of a round: how many rows each pass has, before any token is known. */
import { CoppiceError } from "../errors.ts";
import {
  BEST_FIRST_DEFAULTS,
  MAX_TREE_NODES,
  type TreeOptions,
  type VerifyRule,
} from "../options.ts";

/** Nodes the target scores at once, root included. */
export const MAX_NODES = MAX_TREE_NODES;
/** Nodes of the draft's candidate tree: the previous token, the root and every candidate. */
export const MAX_CANDIDATES = 512;

/** One pass of the draft and the level that grows from it. */
export interface LevelPlan {
  /** First node (in the candidate tree) whose next token is drafted, and how many. */
  readonly frontierStart: number;
  readonly frontierCount: number;
  /** Tokens proposed per frontier node. */
  readonly branching: number;
  /** Nodes kept at the new level. */
  readonly width: number;
}

/**
 * How a node gets its children: the likeliest tokens, those a stochastic beam search keeps, or one draw per path. With
 * noise on the draft's rows the likeliest are a draw without replacement.
 */
export type Growth = "top" | "beam" | "paths";

export interface TreePlan {
  readonly growth: Growth;
  /** What the scores that the nodes are ranked by are divided by, unless a round is told otherwise. */
  readonly confidence: number;
  /** What is kept of the tree; undefined: what the session's rules say. */
  readonly verify?: VerifyRule;
  readonly levels: readonly LevelPlan[];
  /** Nodes in the candidate tree: previous token, root, candidates. */
  readonly candidates: number;
  /** Nodes the target scores, root included. */
  readonly nodes: number;
}

/** The candidate tree's root: node 0 is the token before it, which the draft recomputes. */
const CANDIDATE_ROOT = 1;

/**
 * Lays a tree out. Level sizes depend on the options alone, so a round is recorded once and replayed.
 * @throws CoppiceError `tree-invalid` where the tree is empty or exceeds 64 nodes or 510 candidates.
 */
export function planTree(options: TreeOptions, vocabSize: number): TreePlan {
  const levels: LevelPlan[] = [];
  let frontierStart = CANDIDATE_ROOT;
  let frontierCount = 1;
  for (const { branching, width } of levelShapes(options)) {
    // Draws with replacement may outnumber the vocabulary.
    const most = options.kind === "paths" ? branching : vocabSize;
    const proposed = Math.min(branching, most, MAX_NODES - 1);
    const kept = Math.min(width, frontierCount * proposed);
    levels.push({ frontierStart, frontierCount, branching: proposed, width: kept });
    frontierStart += frontierCount;
    frontierCount = kept;
  }
  const candidates = frontierStart + frontierCount;
  const grown = candidates - CANDIDATE_ROOT;
  const { nodes: budget, confidence } = { ...BEST_FIRST_DEFAULTS, ...options };
  const nodes = options.kind === "best-first" ? Math.min(budget, grown) : grown;
  checkSize(nodes, candidates);
  return { growth: growthOf(options), confidence, levels, candidates, nodes };
}

function growthOf({ kind }: TreeOptions): Growth {
  if (kind === "rsd-s") return "beam";
  return kind === "paths" ? "paths" : "top";
}

function levelShapes(options: TreeOptions): { branching: number; width: number }[] {
  switch (options.kind) {
    case "chain":
      return Array.from({ length: options.length }, () => ({ branching: 1, width: 1 }));
    case "rsd-c":
      return options.branching.map((branching) => ({ branching, width: Infinity }));
    case "rsd-s": {
      const { width, depth } = options;
      return Array.from({ length: depth }, () => ({ branching: width, width }));
    }
    case "paths":
      return Array.from({ length: options.length }, (_, depth) => ({
        branching: depth === 0 ? options.count : 1,
        width: options.count,
      }));
    case "best-first": {
      const { nodes, depth, width } = { ...BEST_FIRST_DEFAULTS, ...options };
      // A node at depth d keeps its d ancestors, so no more than nodes - d of that depth can survive.
      return Array.from({ length: Math.min(depth, nodes - 1) }, (_, i) => {
        const kept = Math.min(width, nodes - 1 - i);
        return { branching: kept, width: kept };
      });
    }
  }
  options satisfies never;
}

function checkSize(nodes: number, candidates: number): void {
  if (nodes < 2) {
    throw new CoppiceError(
      "tree-invalid",
      "The tree has no node below its root.",
      "Give it a depth and a width of at least 1.",
    );
  }
  if (nodes > MAX_NODES) {
    throw new CoppiceError(
      "tree-invalid",
      `The tree has ${nodes} nodes; at most ${MAX_NODES} are scored at once, the root included.`,
      "Lower the branching or the depth.",
    );
  }
  if (candidates > MAX_CANDIDATES) {
    throw new CoppiceError(
      "tree-invalid",
      `The tree needs ${candidates - 2} candidates (levels times width); at most ${MAX_CANDIDATES - 2} fit.`,
      "Lower the width or the depth.",
    );
  }
}
