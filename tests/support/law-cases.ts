// What the law is tested for: every tree with every rule that may follow it, and wrong rules that look right.
import type { KernelSpec } from "../../src/gpu/index.ts";
import {
  beamScores,
  verifyMatch,
  verifyPaths,
  verifyRecursive,
  verifyTraversal,
  warpRows,
} from "../../src/kernels/index.ts";
import type { SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import type { Faults } from "./batched-rounds.ts";
import { plantFault } from "./kernel-run.ts";
import { type MarkovPair, markovPair } from "./markov-pair.ts";

const branching: TreeOptions = { kind: "rsd-c", branching: [2, 2] };
const beam: TreeOptions = { kind: "rsd-s", width: 3, depth: 2 };
const deepBeam: TreeOptions = { kind: "rsd-s", width: 3, depth: 4 };
const manyPaths: TreeOptions = { kind: "paths", count: 6, length: 2 };
const chain: TreeOptions = { kind: "chain", length: 3 };
const paths: TreeOptions = { kind: "paths", count: 3, length: 2 };
const bestFirst: TreeOptions = { kind: "best-first", nodes: 6, depth: 2, width: 3 };

export const COMBINATIONS: readonly (readonly [TreeOptions, VerifyRule])[] = [
  [chain, "coupled"],
  [branching, "coupled"],
  [beam, "coupled"],
  [paths, "coupled"],
  [bestFirst, "coupled"],
  [chain, "recursive"],
  [branching, "recursive"],
  [beam, "recursive"],
  [chain, "traversal"],
  [branching, "traversal"],
  [beam, "traversal"],
  [chain, "block"],
  [chain, "spectr"],
  [paths, "spectr"],
  [chain, "specinfer"],
  [paths, "specinfer"],
];

export const STAGES: readonly SamplingStages[] = [
  { temperature: 1 },
  { temperature: 0.7, topK: 3, topP: 0.95 },
];

/** A draft that is of some use for a target that is neither flat nor certain. */
export const PAIR = markovPair(5, 5);
/** The same with a draft that knows three of the five tokens. */
export const TRIMMED_PAIR: MarkovPair = { ...PAIR, vocabulary: [0, 2, 3] };
/** More tokens, a target that is nearly certain after some, and a draft that is often wrong about it. */
export const STEEP_PAIR = markovPair(8, 11, 3, 0.7);
/** A flat target: many of its tokens are likely, and the draft's unlikely ones often among them. */
export const FLAT_PAIR = markovPair(5, 7, 1);

/** The chance that a right engine fails any of `count` tests is at most 1 in a million. */
export const limitFor = (count: number): number => 1e-6 / count;

export interface WrongRule {
  readonly name: string;
  /** Rounds that show it at temperature 1, where it takes more than others. */
  readonly rounds?: number;
  /** Default `PAIR`. */
  readonly pair?: MarkovPair;
  readonly tree: TreeOptions;
  readonly verify: VerifyRule;
  /** A kernel, what it says and what it is made to say instead. */
  readonly plants: readonly (readonly [KernelSpec, string, string])[];
}

/** The kernels with the faults of a rule in their text, by name. */
export function plantRule({ plants }: WrongRule): Faults {
  const faults: Record<string, KernelSpec> = {};
  for (const [spec, right, wrong] of plants)
    faults[spec.name] = plantFault(faults[spec.name] ?? spec, right, wrong);
  return faults;
}

const NEXT_CHILD = `  for (var i = tried + 1u; i < params.nodes; i += 1u) {
    if (tree.parent[i] == node) { return i; }
  }
  return NO_CHILD;`;

/** Each child once, the one that the draft finds likeliest first. A tried child's share is 0 by then. */
const LIKELIEST_FIRST = `  var found = NO_CHILD;
  var most = NEGATIVE_INFINITY_KEY;
  for (var i = node + 1u; i < params.nodes; i += 1u) {
    if (tree.parent[i] != node || i == tried) { continue; }
    let key = order_key(draft_rows[node * params.vocab + tree.token[i]]);
    if (key > most && !(tried != node && key <= 0x80000000u)) { found = i; most = key; }
  }
  return found;`;

/** Children are dropped for being unlikely: their absence then says what they were. */
const PRUNED = NEXT_CHILD.replace(
  "if (tree.parent[i] == node) { return i; }",
  "if (tree.parent[i] == node && (tried != node || draft_rows[node * params.vocab + tree.token[i]] > -1.4)) { return i; }",
);

const ACCEPTANCE_KEY = "ACCEPTANCE, draw_place(control.base, node), 0u";
const ONE_NUMBER = "ACCEPTANCE, draw_place(control.base, 0u), 0u";

/** The target draws anew in every node, also where two paths have a prefix in common. */
const NODE_NOISE = [
  warpRows,
  "if (params.noise == OWN_NOISE) {",
  `if (params.noise == SHARED_NOISE) { purpose = RESIDUAL; place = draw_place(control.base, row.node); }
  if (params.noise == OWN_NOISE) {`,
] as const;

const WANTED_CHILD = "let child = atomicLoad(&wanted_child[node]);";

/** Of several nodes of one prefix, one whose own draw its path foresaw: the prefix has drawn as often as it has paths. */
const LUCKIEST_CHILD = `var child = atomicLoad(&wanted_child[node]);
    for (var i = node + 1u; i < params.nodes; i += 1u) {
      let matches = tree.parent[i] == node && tree.token[i] == ids[node];
      if (matches && atomicLoad(&wanted_child[i]) != NONE) { child = i; break; }
    }`;

const BEAM_BEST = "if (own >= most) { return 0.0; }";
const BEAM_SCORE = "return max(-max(v, 0.0) - log(1.0 + exp(-abs(v))), EXCLUDED);";

export const WRONG_RULES: readonly WrongRule[] = [
  {
    name: "siblings visited by probability",
    tree: branching,
    verify: "recursive",
    plants: [[verifyRecursive, NEXT_CHILD, LIKELIEST_FIRST]],
  },
  {
    name: "siblings of a beam visited by probability",
    tree: beam,
    verify: "recursive",
    plants: [[verifyRecursive, NEXT_CHILD, LIKELIEST_FIRST]],
  },
  {
    name: "children pruned by their own probability",
    tree: branching,
    verify: "recursive",
    plants: [[verifyRecursive, NEXT_CHILD, PRUNED]],
  },
  {
    name: "q is not renormalised",
    tree: branching,
    verify: "recursive",
    plants: [[verifyRecursive, "return x / masses.y;", "return x;"]],
  },
  {
    name: "the residual is not updated",
    tree: branching,
    verify: "recursive",
    plants: [[verifyRecursive, "max(r - q, r * KEPT)", "r"]],
  },
  {
    name: "one uniform number for all of a round",
    tree: branching,
    verify: "recursive",
    plants: [[verifyRecursive, ACCEPTANCE_KEY, ONE_NUMBER]],
  },
  {
    name: "one draw per path",
    rounds: 4000,
    tree: manyPaths,
    verify: "coupled",
    plants: [NODE_NOISE, [verifyMatch, WANTED_CHILD, LUCKIEST_CHILD]],
  },
  {
    name: "the beam keeps its likeliest tokens",
    rounds: 4000,
    pair: FLAT_PAIR,
    tree: deepBeam,
    verify: "recursive",
    plants: [
      [beamScores, BEAM_BEST, ""],
      [beamScores, BEAM_SCORE, "return min(log_q, 0.0);"],
    ],
  },
  {
    name: "a path's share does not rise when its node's children fail",
    tree: branching,
    verify: "traversal",
    plants: [[verifyTraversal, "(*own).share = left.x / (left.x + (1.0 - (*own).share));", ""]],
  },
  {
    name: "traversal's q keeps the rejected token",
    tree: branching,
    verify: "traversal",
    plants: [
      [
        verifyTraversal,
        "if (c == rejected) { left = vec2(0.0); }",
        "if (c == rejected) { left.x = 0.0; }",
      ],
    ],
  },
  {
    name: "block verification token by token",
    tree: chain,
    verify: "block",
    plants: [
      [
        verifyTraversal,
        "let claim = share * target_share(token);",
        "let claim = target_share(token);",
      ],
    ],
  },
  {
    name: "K-SEQ without its discount",
    tree: paths,
    verify: "spectr",
    plants: [[verifyPaths, "return vec2(bounds.y, found);", "return vec2(1.0, 1.0);"]],
  },
  {
    name: "K-SEQ's residual as if there were one draw",
    tree: paths,
    verify: "spectr",
    plants: [[verifyPaths, "draws * min(draft_share(c), p / rho)", "min(draft_share(c), p / rho)"]],
  },
  {
    name: "SpecInfer's q without the rejected token",
    tree: paths,
    verify: "specinfer",
    plants: [
      [
        verifyPaths,
        "fn reject(lane: u32, rejected: u32) -> f32 {",
        "fn reject(lane: u32, rejected: u32) -> f32 {\n  let lost = draft_share(rejected);\n  storageBarrier();",
      ],
      [
        verifyPaths,
        "draft_rows[row + c] = q;",
        "draft_rows[row + c] = select(q / (1.0 - lost), 0.0, c == rejected);",
      ],
    ],
  },
];

/** What looks as wrong and is not: a test that rejected these would see ghosts. */
export const HARMLESS: readonly WrongRule[] = [
  {
    name: "a draw per node instead of per position",
    tree: manyPaths,
    verify: "coupled",
    plants: [NODE_NOISE],
  },
  {
    name: "a beam whose noise is not truncated",
    tree: beam,
    verify: "recursive",
    plants: [
      [beamScores, BEAM_BEST, ""],
      [beamScores, BEAM_SCORE, "return max(path_log_prob(node) + own - parent, EXCLUDED);"],
    ],
  },
];
