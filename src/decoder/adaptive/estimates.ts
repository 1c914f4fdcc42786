/** What is known of every arm: tokens per second as expected, as hoped for and as feared. */
import { Acceptance } from "./acceptance.ts";
import type { AcceptedPath, Arm } from "./arms.ts";
import type { CostPrior } from "./cost-fit.ts";
import { RoundCost } from "./round-cost.ts";

/** Standard deviations of an arm's own acceptance that a hope is built on. */
const HOPE = 0.7;
/** A cost that was never measured may be lower than it looks by this share; one that was, by less. */
const COST_HOPE = 0.1;
/** Tokens of text after which a measured cost counts half as a reason not to measure again. */
const STALE = 2000;

/** What is believed before anything is measured: from an earlier text, a stored run or nowhere. */
export interface ChooserPriors {
  /** Probability that the draft's first guess is wrong, 0..1. Default 0.3. */
  readonly firstMiss?: number;
  /** Cost of a row and of a pass of the draft, as shares of a plain round. Default 0.02 and 0.1. */
  readonly cost?: CostPrior;
}

/** What a group of rounds with one arm gave. */
export interface GroupOutcome {
  /** What each round accepted. */
  readonly paths: readonly AcceptedPath[];
  /**
   * How long the rounds took together, in milliseconds without the round trip; undefined where that says nothing, as for
   * the group that waited for the prefill.
   */
  readonly milliseconds: number | undefined;
}

export class Estimates {
  readonly #acceptance: Acceptance;
  readonly #cost: RoundCost;
  /** Per arm, timed groups; old ones count less. */
  readonly #fresh: number[];

  constructor(arms: readonly Arm[], { firstMiss, cost }: ChooserPriors) {
    this.#acceptance = new Acceptance(arms, firstMiss);
    this.#cost = new RoundCost(arms, cost);
    this.#fresh = arms.map(() => 0);
  }

  observe(arm: number, { paths, milliseconds }: GroupOutcome): void {
    this.#acceptance.observe(arm, paths);
    const tokens = paths.reduce((sum, path) => sum + path.length + 1, 0);
    for (const index of this.#fresh.keys()) this.#fresh[index]! *= 0.5 ** (tokens / STALE);
    if (milliseconds === undefined) return;
    this.#cost.observe(arm, milliseconds / paths.length);
    this.#fresh[arm]! += 1;
  }

  /** Another text begins: what the last one said about acceptance counts little, costs stay. */
  startText(): void {
    this.#acceptance.pass(STALE);
  }

  /** Groups of rounds that were timed with this arm. */
  groups(arm: number): number {
    return this.#cost.groups(arm);
  }

  /** The same, where old ones count less. */
  fresh(arm: number): number {
    return this.#fresh[arm]!;
  }

  /** Milliseconds of a round; Infinity before any arm was timed. */
  milliseconds(arm: number): number {
    return this.#cost.milliseconds(arm) ?? Infinity;
  }

  /** Tokens per millisecond, as expected. */
  rate(arm: number): number {
    return this.#acceptance.tokens(arm) / this.milliseconds(arm);
  }

  /** Tokens per millisecond that an arm may reach, for all that is known. */
  hope(arm: number): number {
    const unsure = COST_HOPE / Math.sqrt(1 + this.#fresh[arm]!);
    return (this.#acceptance.tokens(arm, HOPE) / this.milliseconds(arm)) * (1 + unsure);
  }

  /** Milliseconds that a round of an arm takes beyond what another needs for as many tokens; below 0 for a better one. */
  loss(arm: number, other: number): number {
    return this.milliseconds(arm) - this.#acceptance.tokens(arm) / this.rate(other);
  }
}
