/** What is known of every arm: tokens per second as expected, as hoped for and as feared. */
import { Acceptance } from "./acceptance.ts";
import type { Arm } from "./arms.ts";
import type { CostPrior } from "./cost-fit.ts";
import { RoundCost } from "./round-cost.ts";

/** Standard deviations of an arm's own acceptance that a hope is built on. */
const HOPE = 0.7;
/** A cost that was never measured may be lower than it looks by this share; one that was, by less. */
const COST_HOPE = 0.1;
/** Standard deviations of acceptance that a tree has to bear and still beat plain decoding. */
const DOUBT = 0.5;
/** Share by which it has to beat it: plain decoding is certain, and its estimate is not the largest of several. */
const MARGIN = 0.03;
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
  /** Per round, how many draft tokens were accepted: 0..the arm's depth. */
  readonly accepted: readonly number[];
  /**
   * How long the rounds took together, in milliseconds without the round trip; undefined where that says nothing, as for
   * the group that waited for the prefill.
   */
  readonly milliseconds: number | undefined;
}

export class Estimates {
  readonly #acceptance: Acceptance;
  readonly #cost: RoundCost;
  readonly #plain: number;
  /** Per arm, timed groups; old ones count less. */
  readonly #fresh: number[];

  /** @param plain Index of the arm that does not speculate. */
  constructor(arms: readonly Arm[], plain: number, { firstMiss, cost }: ChooserPriors) {
    this.#acceptance = new Acceptance(arms, firstMiss);
    this.#cost = new RoundCost(arms, cost);
    this.#plain = plain;
    this.#fresh = arms.map(() => 0);
  }

  observe(arm: number, { accepted, milliseconds }: GroupOutcome): void {
    this.#acceptance.observe(arm, accepted);
    const tokens = accepted.reduce((sum, count) => sum + count + 1, 0);
    for (const index of this.#fresh.keys()) this.#fresh[index]! *= 0.5 ** (tokens / STALE);
    if (milliseconds === undefined) return;
    this.#cost.observe(arm, milliseconds / accepted.length);
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
    return (this.#acceptance.tokens(arm, { hope: HOPE }) / this.milliseconds(arm)) * (1 + unsure);
  }

  /** Whether a tree is faster than plain decoding by a margin, even where the text is harder than it looks. */
  beatsPlain(arm: number): boolean {
    const feared = this.#acceptance.tokens(arm, { doubt: DOUBT }) / this.milliseconds(arm);
    return feared > this.rate(this.#plain) * (1 + MARGIN);
  }

  /** Milliseconds that a round of an arm takes beyond what another needs for as many tokens; below 0 for a better one. */
  loss(arm: number, other: number): number {
    return this.milliseconds(arm) - this.#acceptance.tokens(arm) / this.rate(other);
  }
}
