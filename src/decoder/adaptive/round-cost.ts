/** What a round of each arm costs on this device, in milliseconds, from the times of groups of rounds. */
import { depthOf, nodesOf, type Arm } from "./arms.ts";
import { costOf, fitCost, type CostPrior } from "./cost-fit.ts";

/** An arm's cost moves toward the median of its last so many groups: one of them may hold a pause or a first run. */
const OWN_GROUPS = 3;
/** What all arms share is the median of so many groups: several in a row may hold a pause, but not most of these. */
const DRIFT_GROUPS = 9;
/** An arm's cost is known well enough to tell a drift after so many groups. */
const SETTLED_GROUPS = 6;
/** Milliseconds below which a round's time is the clock's doing: browsers round theirs to 0.1. */
const LEAST = 0.05;
/** Groups that an arm's cost is averaged over at most. */
const MEMORY = 20;
/** One group moves its arm's cost as if it had been off by this much at most (a logarithm: 35 %). */
const CLIP = 0.3;
/** What a group of another arm leaves of an arm's memory: what was measured long ago gives way to news. */
const FADE = 0.98;

interface Known {
  /** Groups that were timed. */
  groups: number;
  /** The same, faded. */
  memory: number;
  /** The last times: logarithms of milliseconds, drift removed. */
  readonly last: number[];
  /** Their slow average; undefined until measured. */
  level: number | undefined;
}

/**
 * A cost per arm, and a drift that all arms share: a growing prefix, a hot device or a busy one slow every arm, and what
 * was measured long ago has to follow. So the drift is quick and an arm's own cost is slow. Medians keep a garbage
 * collection or a hidden tab out of both.
 */
export class RoundCost {
  readonly #arms: readonly Arm[];
  readonly #prior: CostPrior | undefined;
  readonly #known: readonly Known[];
  /** What the last groups were off their arms' costs by (logarithms). */
  readonly #recent = Array.from({ length: DRIFT_GROUPS }, () => 0);
  #drift = 0;
  /** Per arm, by the fit; undefined until needed again. */
  #fitted: readonly number[] | undefined;

  constructor(arms: readonly Arm[], prior?: CostPrior) {
    this.#arms = arms;
    this.#prior = prior;
    this.#known = arms.map(() => ({ groups: 0, memory: 0, last: [], level: undefined }));
  }

  /** Groups of rounds that were timed with this arm. */
  groups(index: number): number {
    return this.#known[index]!.groups;
  }

  /** Milliseconds per round: measured, or fitted to what was; undefined before anything was. */
  milliseconds(index: number): number | undefined {
    const { level } = this.#known[index]!;
    if (level !== undefined) return Math.exp(level + this.#drift);
    const fitted = this.#fit();
    return fitted === undefined ? undefined : fitted[index]! * Math.exp(this.#drift);
  }

  /** A group of rounds took so long per round, in milliseconds. */
  observe(index: number, milliseconds: number): void {
    const time = Math.log(Math.max(milliseconds, LEAST));
    const known = this.#known[index]!;
    // An arm that is hardly known is off for reasons of its own.
    if (known.groups >= SETTLED_GROUPS) {
      this.#recent.push(time - known.level!);
      this.#recent.shift();
      this.#drift = median(this.#recent);
    }
    for (const other of this.#known) other.memory *= other === known ? 1 : FADE;
    known.groups += 1;
    known.memory = Math.min(known.memory + 1, MEMORY);
    known.last.push(time - this.#drift);
    if (known.last.length > OWN_GROUPS) known.last.shift();
    const now = median(known.last);
    // The first few are one median, not an average of medians.
    const weight = known.groups <= OWN_GROUPS ? 1 : Math.min(1, 1 / known.memory);
    const level = known.level ?? now;
    const step = known.groups <= OWN_GROUPS ? Infinity : CLIP;
    known.level = level + weight * Math.max(-step, Math.min(step, now - level));
    this.#fitted = undefined;
  }

  #fit(): readonly number[] | undefined {
    if (this.#fitted) return this.#fitted;
    const shapes = this.#arms.map((arm) => ({ nodes: nodesOf(arm), depth: depthOf(arm) }));
    const times = shapes.flatMap((shape, index) => {
      const { level } = this.#known[index]!;
      return level === undefined ? [] : [{ shape, time: Math.exp(level) }];
    });
    if (times.length === 0) return undefined;
    const line = fitCost(times, this.#prior);
    this.#fitted = shapes.map((shape) => costOf(line, shape));
    return this.#fitted;
  }
}

/** The middle value; of an even count the lower middle, since a pause only ever adds. */
function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[(values.length - 1) >> 1]!;
}
