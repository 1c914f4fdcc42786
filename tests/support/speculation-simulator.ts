// Speculation without models: trees over made-up drafts, and what their rounds cost on made-up devices. It shares no
// formula with the policy that it tests: trees here are best-first over each round's own confidences.
import { depthOf, nodesOf, type Arm, type TreeSize } from "../../src/decoder/adaptive/arms.ts";
import { uniforms } from "./random.ts";

/** How well a draft guesses. */
export interface Draft {
  readonly name: string;
  /** Probability that the first guess at depth 1 is right, averaged over contexts. */
  readonly alpha: number;
  /** What a further level leaves of it. Default 1. */
  readonly decay?: number;
  /** Share of what the guesses before missed that the next sibling catches. Default 0.45. */
  readonly rankGain?: number;
}

/** Contexts are hard, middling or easy: the offset of the first guess's log odds. */
const EASE: readonly number[] = [-2, 0, 2];
/** How far the draft's confidence is off, as log odds. */
const MISJUDGED = 0.5;

const logistic = (x: number): number => 1 / (1 + Math.exp(-x));

/** Log odds whose mean over contexts is `alpha`. */
function centre(alpha: number): number {
  let [low, high] = [-12, 12];
  for (let i = 0; i < 50; i++) {
    const middle = (low + high) / 2;
    const mean = EASE.reduce((sum, ease) => sum + logistic(middle + ease), 0) / EASE.length;
    if (mean < alpha) low = middle;
    else high = middle;
  }
  return low;
}

interface Node {
  /** By the draft, and in truth: probability that the target's tokens lead here. */
  readonly confidence: number;
  readonly reached: number;
  readonly depth: number;
  /** Log odds that the first guess after it is right. */
  readonly odds: number;
  readonly parent: Node | undefined;
}

/** A node as a round reports it; see `PathStep`. */
interface Step {
  readonly place: number;
  readonly placeInLevel: number;
}

/** A grown tree: each node with the nodes that it is reached by, the surest first. */
interface GrownTree {
  readonly nodes: readonly Node[];
  readonly steps: ReadonlyMap<Node, Step>;
}

/**
 * A tree of one round, as `planTree` lays it out: each level keeps the most confident, then the whole tree is cut to its
 * budget.
 */
function growTree(
  draft: Draft,
  size: TreeSize,
  centres: readonly number[],
  next: () => number,
): GrownTree {
  const { rankGain = 0.45 } = draft;
  const context = (depth: number) => centres[depth]! + EASE[Math.floor(next() * EASE.length)]!;
  const candidates: Node[] = [];
  let frontier: Node[] = [
    { confidence: 1, reached: 1, depth: 0, odds: context(0), parent: undefined },
  ];
  for (let depth = 1; depth <= size.depth && depth < size.nodes; depth++) {
    const width = Math.min(size.width, size.nodes - depth);
    const level: Node[] = [];
    for (const parent of frontier) {
      let confidence = parent.confidence * logistic(parent.odds + MISJUDGED * (2 * next() - 1));
      let reached = parent.reached * logistic(parent.odds);
      let unsure = parent.confidence;
      let missed = parent.reached;
      for (let rank = 0; rank < width; rank++) {
        level.push({ confidence, reached, depth, odds: context(depth), parent });
        unsure -= confidence;
        missed -= reached;
        confidence = unsure * rankGain;
        reached = missed * rankGain;
      }
    }
    level.sort((a, b) => b.confidence - a.confidence);
    frontier = level.slice(0, width);
    candidates.push(...frontier);
  }
  candidates.sort((a, b) => b.confidence - a.confidence);
  const nodes = candidates.slice(0, size.nodes - 1);
  const inLevel = Array.from({ length: size.depth + 1 }, () => 0);
  const steps = new Map(
    nodes.map((node, i) => [node, { place: i + 1, placeInLevel: inLevel[node.depth]!++ }]),
  );
  return { nodes, steps };
}

/** Rounds of each arm: which path they accept is drawn, how many tokens that gives is known exactly. */
export class DraftTable {
  readonly #trees: readonly (readonly GrownTree[])[];
  /** Per arm, expected tokens of a round. */
  readonly tokens: readonly number[];

  constructor(draft: Draft, arms: readonly Arm[], trees = 150, seed = 1) {
    const { alpha, decay = 1 } = draft;
    const deepest = Math.max(...arms.map(depthOf));
    const centres = Array.from({ length: deepest + 1 }, (_, depth) =>
      centre(alpha * decay ** depth),
    );
    this.#trees = arms.map(({ tree }) => {
      const next = uniforms(seed);
      if (tree === undefined) return [{ nodes: [], steps: new Map() }];
      return Array.from({ length: trees }, () => growTree(draft, tree, centres, next));
    });
    this.tokens = this.#trees.map((grown) => {
      const accepted = grown.flatMap(({ nodes }) => nodes.map(({ reached }) => reached));
      return 1 + accepted.reduce((sum, share) => sum + share, 0) / grown.length;
    });
  }

  /** The accepted path of one round, the root left out. */
  draw(arm: number, next: () => number): Step[] {
    const trees = this.#trees[arm]!;
    const { nodes, steps } = trees[Math.floor(next() * trees.length)]!;
    const path: Step[] = [];
    let at: Node | undefined;
    for (;;) {
      const above = at?.reached ?? 1;
      let rest = next() * above;
      // A level-1 node's parent is the root, which is no node of the list.
      const child = nodes.find(
        (node) =>
          (at === undefined ? node.depth === 1 : node.parent === at) && (rest -= node.reached) < 0,
      );
      if (child === undefined) return path;
      path.push(steps.get(child)!);
      at = child;
    }
  }
}

/** What a round costs. */
export interface Device {
  readonly name: string;
  /** Milliseconds of the target's pass over so many rows. */
  score(nodes: number): number;
  /** What everything takes longer after so many milliseconds. Default 1. */
  drift?(elapsed: number): number;
  /** Standard deviation of a round's time as a share of it. Default 0.03. */
  readonly jitter?: number;
  /** A pause that hits one round in `every` and lasts so many milliseconds. */
  readonly pause?: { readonly every: number; readonly milliseconds: number };
}

/** Milliseconds of a plain round on every device. */
const PLAIN = 10;

export const DEVICES: readonly Device[] = [
  { name: "flat", score: (n) => PLAIN * (1 + (0.35 * (n - 1)) / 31) },
  { name: "steep", score: (n) => PLAIN * (1 + 0.1 * (n - 1)) },
  { name: "step", score: (n) => PLAIN * (n === 1 ? 1 : 1.1 + 0.6 * Math.floor((n - 1) / 8)) },
  { name: "linear", score: (n) => PLAIN * n },
  {
    name: "noisy",
    score: (n) => PLAIN * (1 + (0.35 * (n - 1)) / 31),
    jitter: 0.08,
    pause: { every: 50, milliseconds: 100 },
  },
  {
    name: "drifting",
    score: (n) => PLAIN * (1 + (0.6 * (n - 1)) / 31),
    // Warms up over ten seconds, and from the fifth on something else uses the device as well.
    drift: (elapsed) => 1 + Math.min(0.5, elapsed / 20_000) + (elapsed > 5_000 ? 0.7 : 0),
  },
];

export const DRAFTS: readonly Draft[] = [
  { name: "hopeless", alpha: 0.05, rankGain: 0.1 },
  { name: "0.20", alpha: 0.2 },
  { name: "0.35 narrow", alpha: 0.35, rankGain: 0.15 },
  { name: "0.35", alpha: 0.35 },
  { name: "0.50", alpha: 0.5 },
  { name: "0.65", alpha: 0.65 },
  { name: "0.80", alpha: 0.8 },
  { name: "0.90", alpha: 0.9 },
  { name: "0.95", alpha: 0.95 },
  { name: "0.85 decaying", alpha: 0.85, decay: 0.85 },
];

/** A pass of the draft as a share of a plain round. */
export const DRAFT_COSTS = [0.01, 0.05, 0.1, 0.25, 0.5] as const;

export interface Scenario {
  readonly device: Device;
  /** One table, or several that take turns. */
  readonly drafts: readonly DraftTable[];
  /** Tokens after which the next table's turn comes. Default: never. */
  readonly turn?: number;
  /** A pass of the draft as a share of a plain round. */
  readonly draftCost: number;
}

/** Milliseconds of a round of an arm, drift and noise left out. */
export function roundTime({ device, draftCost }: Scenario, arm: Arm): number {
  return device.score(nodesOf(arm)) + depthOf(arm) * draftCost * PLAIN;
}

/** What decides which arm runs. */
export interface Policy {
  choose(): { readonly arm: number; readonly rounds: number; readonly reason?: string };
  observe(
    arm: number,
    group: { readonly accepted: readonly number[]; readonly milliseconds: number | undefined },
  ): void;
}

export interface SimulatedGroup {
  readonly arm: number;
  readonly reason: string | undefined;
  /** Tokens of text before it. */
  readonly start: number;
  readonly rounds: number;
  /** Expected tokens and drift-free milliseconds: a policy is judged by its choices, not by its luck. */
  readonly tokens: number;
  readonly time: number;
}

/** Runs a policy for at least `length` tokens. */
export function simulate(
  scenario: Scenario,
  arms: readonly Arm[],
  policy: Policy,
  { length = 2000, rounds = 4, seed = 1 }: { length?: number; rounds?: number; seed?: number } = {},
): SimulatedGroup[] {
  const next = uniforms(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const { device, drafts, turn = Infinity } = scenario;
  const { jitter = 0.03, pause } = device;
  const groups: SimulatedGroup[] = [];
  let elapsed = 0;
  for (let start = 0; start < length;) {
    const choice = policy.choose();
    const table = drafts[Math.floor(start / turn) % drafts.length]!;
    const count = Math.min(rounds, choice.rounds);
    const accepted: number[] = [];
    const time = roundTime(scenario, arms[choice.arm]!);
    let milliseconds = 0;
    for (let round = 0; round < count; round++) {
      accepted.push(table.draw(choice.arm, next));
      milliseconds += time * (device.drift?.(elapsed) ?? 1) * Math.exp(jitter * normal());
      if (pause && next() * pause.every < 1) milliseconds += pause.milliseconds;
    }
    policy.observe(choice.arm, { accepted, milliseconds });
    groups.push({
      arm: choice.arm,
      reason: choice.reason,
      start,
      rounds: count,
      tokens: count * table.tokens[choice.arm]!,
      time: count * time,
    });
    elapsed += milliseconds;
    start += accepted.reduce((sum, each) => sum + each + 1, 0);
  }
  return groups;
}

/** Tokens per millisecond over groups. */
export function rateOf(groups: readonly SimulatedGroup[]): number {
  const sum = (of: (group: SimulatedGroup) => number) =>
    groups.reduce((total, group) => total + of(group), 0);
  return sum((group) => group.tokens) / sum((group) => group.time);
}

/**
 * Tokens per millisecond of every arm, where it runs alone. Over several tables each has its turn of as many tokens, so
 * times add up and not rates.
 */
export function fixedRates(scenario: Scenario, arms: readonly Arm[]): number[] {
  return arms.map((arm, index) => {
    const perToken = scenario.drafts.map(({ tokens }) => 1 / tokens[index]!);
    const mean = perToken.reduce((sum, each) => sum + each, 0) / perToken.length;
    return 1 / (mean * roundTime(scenario, arm));
  });
}
