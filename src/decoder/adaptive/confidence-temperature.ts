/** The temperature that makes a draft's confidence agree with what is accepted. */

/** Bounds of the answer: beyond them it is the model of confidence that is wrong, not its temperature. */
const LEAST = 0.5;
const MOST = 2;
/** The prior's pull to 1, in units of the likelihood's curvature: some hundred guesses of a draft that is rarely sure. */
const PRIOR_WEIGHT = 20;
/** Guesses after which one counts half. */
const HALF_LIFE = 4000;
/** Buckets of the log odds from -`REACH` to `REACH`. */
const BUCKETS = 64;
const REACH = 12;
/** Halvings of the interval that holds the answer. */
const STEPS = 40;

/**
 * Temperature scaling (Guo et al., arXiv 1706.04599, section 4.2): the likeliest single temperature, given which
 * guesses came true. A softmax over `candidates` tokens in which the others share the rest evenly gives a token the log
 * odds `z / temperature - ln(candidates - 1)`; so each guess is kept as its `z`, whatever temperature it was made at,
 * and the fit is a logistic regression with one unknown and a prior at 1. Pure: no clock, no random numbers.
 */
export class ConfidenceTemperature {
  readonly #offset: number;
  readonly #buckets = Array.from({ length: BUCKETS }, () => ({ count: 0, accepted: 0, sum: 0 }));

  /** @param candidates Tokens that the softmax runs over, 2 up: all that a node's children are chosen from. */
  constructor(candidates: number) {
    this.#offset = Math.log(candidates - 1);
  }

  /**
   * One node whose parent was accepted.
   * @param probability Its confidence among its parent's candidates, 0..1: not the whole path's.
   * @param accepted Whether the target chose it.
   * @param temperature What its confidence was made with, above 0.
   */
  observe(probability: number, accepted: boolean, temperature: number): void {
    const sure = Math.max(1e-5, Math.min(1 - 1e-5, probability));
    const z = temperature * (Math.log(sure / (1 - sure)) + this.#offset);
    const place = Math.floor(((z + REACH) / (2 * REACH)) * BUCKETS);
    const bucket = this.#buckets[Math.max(0, Math.min(BUCKETS - 1, place))]!;
    const decay = 0.5 ** (1 / HALF_LIFE);
    for (const each of this.#buckets) {
      each.count *= decay;
      each.accepted *= decay;
      each.sum *= decay;
    }
    bucket.count += 1;
    bucket.accepted += accepted ? 1 : 0;
    bucket.sum += z;
  }

  /** The temperature to rank nodes with from now on, 0.5..2; 1 before anything was seen. */
  get temperature(): number {
    // The likelihood is concave in the inverse temperature, so its slope has one zero, and bisection finds it.
    let [low, high] = [1 / MOST, 1 / LEAST];
    for (let step = 0; step < STEPS; step++) {
      const middle = (low + high) / 2;
      if (this.#slope(middle) > 0) low = middle;
      else high = middle;
    }
    return 2 / (low + high);
  }

  /** Of the log likelihood and the prior, by the inverse temperature. */
  #slope(inverse: number): number {
    let slope = PRIOR_WEIGHT * (1 - inverse);
    for (const { count, accepted, sum } of this.#buckets) {
      if (count === 0) continue;
      const z = sum / count;
      slope += z * (accepted - count / (1 + Math.exp(this.#offset - inverse * z)));
    }
    return slope;
  }
}
