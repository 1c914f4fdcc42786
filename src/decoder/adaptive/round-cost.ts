/** What a round of each arm costs on this device, in milliseconds, from the times of groups of rounds. */
import { depthOf, nodesOf, type Arm } from "./arms.ts";
import { costOf, fitCost, type CostPrior } from "./cost-fit.ts";

/** Groups that an arm's cost is the mean of at most; a pause among them is left out. */
const OWN_GROUPS = 24;
/** What all arms share is measured over so many groups. */
const DRIFT_GROUPS = 9;
/** An arm's cost is known well enough to tell a drift after so many groups. */
const SETTLED_GROUPS = 6;
/** Milliseconds below which a round's time is the clock's doing: browsers round theirs to 0.1. */
const LEAST = 0.05;
/** A group that took this much longer than the quick ones held a pause (a logarithm: 22 %). */
const PAUSE = 0.2;
/** A single time counts as this much more than what was expected at most (a logarithm: a factor of 2). */
const DOUBT = 0.7;

/**
 * A cost per arm, and a drift that all arms share: a growing prefix, a hot device or a busy one slow every arm, and what
 * was measured long ago has to follow. So the drift is quick and an arm's own cost is slow. A garbage collection or a
 * hidden tab only ever adds time, so groups much slower than the quickest quarter do not count.
 */
export class RoundCost {
  readonly #shapes: readonly { readonly nodes: number; readonly depth: number }[];
  readonly #prior: CostPrior | undefined;
  /** Per arm the last times: logarithms of milliseconds per round, drift removed. */
  readonly #times: readonly number[][];
  readonly #groups: number[];
  /** What the last groups were off their arms' costs by (logarithms). */
  readonly #recent = Array.from({ length: DRIFT_GROUPS }, () => 0);
  #drift = 0;
  /** Per arm, drift left out; undefined until needed again. */
  #levels: readonly number[] | undefined;

  constructor(arms: readonly Arm[], prior?: CostPrior) {
    this.#shapes = arms.map((arm) => ({ nodes: nodesOf(arm), depth: depthOf(arm) }));
    this.#prior = prior;
    this.#times = arms.map(() => []);
    this.#groups = arms.map(() => 0);
  }

  /** Groups of rounds that were timed with this arm. */
  groups(index: number): number {
    return this.#groups[index]!;
  }

  /** Milliseconds per round: measured, or fitted to what was; undefined before anything was. */
  milliseconds(index: number): number | undefined {
    this.#levels ??= this.#measure();
    const level = this.#levels[index];
    return level === undefined ? undefined : Math.exp(level + this.#drift);
  }

  /** A group of rounds took so long per round, in milliseconds. */
  observe(index: number, milliseconds: number): void {
    const time = Math.log(Math.max(milliseconds, LEAST));
    const times = this.#times[index]!;
    // An arm that is hardly known is off for reasons of its own.
    if (times.length >= SETTLED_GROUPS) {
      this.#recent.push(time - quickMean(times));
      this.#recent.shift();
      this.#drift = quickMean(this.#recent);
    }
    this.#groups[index]! += 1;
    times.push(time - this.#drift);
    if (times.length > OWN_GROUPS) times.shift();
    this.#levels = undefined;
  }

  /** A single time may be a pause: it is not believed far beyond what the other arms let expect, and so soon taken again. */
  #doubted(own: readonly (number | undefined)[]): readonly (number | undefined)[] {
    const isSingle = (index: number) => this.#times[index]!.length === 1;
    const known = this.#shapes.flatMap((shape, index) => {
      const level = own[index];
      return level === undefined || isSingle(index) ? [] : [{ shape, time: Math.exp(level) }];
    });
    if (known.length === 0) return own;
    const line = fitCost(known, this.#prior);
    return own.map((level, index) => {
      if (level === undefined || !isSingle(index)) return level;
      return Math.min(level, Math.log(costOf(line, this.#shapes[index]!)) + DOUBT);
    });
  }

  #measure(): readonly number[] {
    const own = this.#doubted(
      this.#times.map((times) => (times.length > 0 ? quickMean(times) : undefined)),
    );
    // Fewer rows and fewer passes never take longer: where they seem to, it was a pause.
    const least = own.map((level, index) => {
      if (level === undefined) return undefined;
      const { nodes, depth } = this.#shapes[index]!;
      return own.reduce<number>((low, other, i) => {
        const larger = this.#shapes[i]!;
        const contains = larger.nodes >= nodes && larger.depth >= depth;
        return contains ? Math.min(low, other ?? Infinity) : low;
      }, level);
    });
    const measured = this.#shapes.flatMap((shape, index) => {
      const level = least[index];
      return level === undefined ? [] : [{ shape, time: Math.exp(level) }];
    });
    if (measured.length === 0) return [];
    const line = fitCost(measured, this.#prior);
    return this.#shapes.map((shape, index) => least[index] ?? Math.log(costOf(line, shape)));
  }
}

/** The mean of all values but those far above the first quarter. */
function quickMean(values: readonly number[]): number {
  const quick = [...values].sort((a, b) => a - b)[(values.length - 1) >> 2]!;
  const counted = values.filter((value) => value <= quick + PAUSE);
  return counted.reduce((sum, value) => sum + value, 0) / counted.length;
}
