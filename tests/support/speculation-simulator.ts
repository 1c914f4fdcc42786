// Speculation without models: trees over made-up drafts, and what their rounds cost on made-up devices. It shares no
// formula with the policy that it tests: trees here are best-first over each round's own confidences.
import { depthOf, nodesOf, type Arm, type TreeSize } from "../../src/decoder/adaptive/arms.ts";
import { uniforms } from "./random.ts";

/** How well a draft guesses. */
export interface Draft {
  /** Probability that the first guess at depth 1 is right, averaged over contexts. */
  readonly alpha: number;
  /** What a further level leaves of it. Default 1. */
  readonly decay?: number;
  /** Share of what the guesses before missed that the next sibling catches. Default 0.45. */
  readonly rankGain?: number;
  /** The same as `alpha` under a rejecting rule. Default: as `alpha`. */
  readonly rejected?: number;
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
export interface Step {
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
    const { alpha, decay = 1, rejected = alpha } = draft;
    const deepest = Math.max(...arms.map(depthOf));
    const centresOf = (share: number) =>
      Array.from({ length: deepest + 1 }, (_, depth) => centre(share * decay ** depth));
    const byRule = { coupled: centresOf(alpha), traversal: centresOf(rejected) };
    this.#trees = arms.map(({ tree, verify }) => {
      const next = uniforms(seed);
      if (tree === undefined) return [{ nodes: [], steps: new Map() }];
      const centres = byRule[verify ?? "coupled"];
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
  /** Milliseconds of the target's pass over so many rows. */
  score(nodes: number): number;
  /** What everything takes longer after so many milliseconds. */
  drift(elapsed: number): number;
  /** Standard deviation of a round's time as a share of it. */
  readonly jitter: number;
  /** A pause that hits one round in `every` and lasts so many milliseconds. */
  readonly pause: { readonly every: number; readonly milliseconds: number };
}

/** Milliseconds of a plain round on every device. */
const PLAIN = 10;

export interface World {
  readonly name: string;
  readonly device: Device;
  /** One per text, in turns: one, or several that differ. */
  readonly drafts: readonly DraftTable[];
  /** A pass of the draft as a share of a plain round. */
  readonly draftCost: number;
  /** Rounds per readback. */
  readonly rounds: number;
}

/** The `index`-th of a fixed series of devices and drafts that differ widely. */
export function drawWorld(index: number, arms: readonly Arm[]): World {
  const next = uniforms(1000 + index);
  const between = (low: number, high: number) => low + (high - low) * next();
  const scaled = (low: number, high: number) => low * (high / low) ** next();
  const oneOf = <T>(values: readonly T[]): T => values[Math.floor(next() * values.length)]!;

  // A row costs next to nothing, as much as a plain round, or anything between.
  const row = scaled(0.002, 1);
  const shape = oneOf(["line", "step", "knee"] as const);
  const extra = {
    line: (n: number) => row * (n - 1),
    step: (n: number) => row * (8 * Math.ceil(n / 8) - 1),
    knee: (n: number) => row * (0.1 * (n - 1) + Math.max(0, n - 16)),
  }[shape];
  const draftCost = scaled(0.01, 0.6);
  const jitter = scaled(0.01, 0.1);
  // Pauses take up to a quarter of the time that a plain round takes, in all.
  const every = next() < 0.4 ? scaled(30, 500) : Infinity;
  const pause = { every, milliseconds: scaled(0.02, 0.25) * Math.min(every, 500) * PLAIN };
  // It warms up, and from some moment on something else leaves it or uses it as well.
  const drifts = next() < 0.25;
  const [warm, at, jump] = [between(0, 0.5), scaled(2000, 30_000), between(-0.3, 0.7)];
  const texts = next() < 0.35 ? 4 : 1;
  const drafts = Array.from({ length: texts }, () => ({
    alpha: between(0.03, 0.97),
    decay: next() < 0.5 ? 1 : between(0.8, 1),
    rankGain: between(0.1, 0.6),
  }));
  const device: Device = {
    score: (n) => PLAIN * (n === 1 ? 1 : 1 + extra(n)),
    drift: (elapsed) =>
      drifts ? 1 + Math.min(warm, elapsed / 20_000) + (elapsed > at ? jump : 0) : 1,
    jitter,
    pause,
  };
  const alphas = drafts.map(({ alpha }) => alpha.toFixed(2)).join(" ");
  return {
    name: `${index}: ${shape} of ${row.toFixed(3)}, draft ${alphas} at ${draftCost.toFixed(2)}`,
    device,
    drafts: drafts.map((draft, i) => new DraftTable(draft, arms, 50, 7 + i)),
    draftCost,
    rounds: oneOf([1, 2, 4, 8, 16]),
  };
}

/** Milliseconds of a round of an arm, drift and noise left out. */
export function roundTime({ device, draftCost }: World, arm: Arm): number {
  return device.score(nodesOf(arm)) + depthOf(arm) * draftCost * PLAIN;
}

/** What decides which arm runs. */
export interface Policy {
  startText(): void;
  choose(): { readonly arm: number; readonly rounds: number; readonly reason?: string };
  observe(
    arm: number,
    group: { readonly paths: readonly Step[][]; readonly milliseconds: number | undefined },
  ): void;
}

export interface SimulatedGroup {
  readonly text: number;
  readonly arm: number;
  readonly reason: string | undefined;
  /** Tokens of this text before it. */
  readonly start: number;
  /** Expected tokens and drift-free milliseconds: a policy is judged by its choices, not by its luck. */
  readonly tokens: number;
  readonly time: number;
  /** The tokens that did come, luck and all. */
  readonly given: number;
}

/** `texts` texts of at least `length` tokens, one after another. */
export function simulate(
  world: World,
  arms: readonly Arm[],
  policy: Policy,
  { texts = 4, length = 1000, seed = 1 }: { texts?: number; length?: number; seed?: number } = {},
): SimulatedGroup[] {
  const next = uniforms(seed);
  const normal = () => Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  const { device, drafts } = world;
  const groups: SimulatedGroup[] = [];
  let elapsed = 0;
  for (let text = 0; text < texts; text++) {
    policy.startText();
    const table = drafts[text % drafts.length]!;
    for (let start = 0; start < length;) {
      const { arm, rounds, reason } = policy.choose();
      // The first readback is for one round, and waits for the prefill as well.
      const count = start === 0 ? 1 : Math.min(world.rounds, rounds);
      const time = roundTime(world, arms[arm]!);
      const paths: Step[][] = [];
      let milliseconds = 0;
      for (let round = 0; round < count; round++) {
        paths.push(table.draw(arm, next));
        milliseconds += time * device.drift(elapsed) * Math.exp(device.jitter * normal());
        if (next() * device.pause.every < 1) milliseconds += device.pause.milliseconds;
      }
      policy.observe(arm, { paths, milliseconds: start === 0 ? undefined : milliseconds });
      const tokens = count * table.tokens[arm]!;
      const given = paths.reduce((sum, path) => sum + path.length + 1, 0);
      groups.push({ text, arm, reason, start, tokens, time: count * time, given });
      elapsed += milliseconds;
      start += given;
    }
  }
  return groups;
}

/** Tokens per millisecond over groups: as expected, or as they came. */
export function rateOf(
  groups: readonly SimulatedGroup[],
  tokens: "tokens" | "given" = "tokens",
): number {
  const sum = (of: "tokens" | "given" | "time") =>
    groups.reduce((total, group) => total + group[of], 0);
  return sum(tokens) / sum("time");
}

/** Tokens per millisecond of every arm, where it alone writes as many tokens with each draft: times add up and not rates. */
export function fixedRates(world: World, arms: readonly Arm[]): number[] {
  return arms.map((arm, index) => {
    const perToken = world.drafts.map(({ tokens }) => 1 / tokens[index]!);
    const mean = perToken.reduce((sum, each) => sum + each, 0) / perToken.length;
    return 1 / (mean * roundTime(world, arm));
  });
}
