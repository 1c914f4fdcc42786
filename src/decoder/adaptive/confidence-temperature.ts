/** The temperature that makes a draft's confidence agree with what is accepted. */

/** Bounds of the answer: beyond them it is the model of confidence that is wrong, not its temperature. */
const LEAST = 0.25;
const MOST = 4;
/** Guesses that the first estimate is worth: how slowly the first ones move it. */
const PRIOR = 20;
/** Guesses that an estimate is worth at most, so that it follows a text that changes. */
const MEMORY = 200;

/**
 * Temperature scaling (Guo et al., arXiv 1706.04599, section 4.2) one guess at a time (Robbins and Monro 1951): where the
 * surest guess at a node comes true less often than the draft is sure of it, confidence gets flatter, and else sharper.
 * It comes to rest where the two agree on average, whatever the shape of the draft's scores. Pure: no clock, no random
 * numbers.
 */
export class ConfidenceTemperature {
  #log = 0;
  #guesses = 0;

  /**
   * The surest child of one node that was reached.
   * @param sureness The child's probability by the draft, at the temperature of now, 0..1.
   * @param accepted Whether the target chose it.
   */
  observe(sureness: number, accepted: boolean): void {
    this.#guesses = Math.min(this.#guesses + 1, MEMORY - PRIOR);
    const step = (sureness - (accepted ? 1 : 0)) / (PRIOR + this.#guesses);
    this.#log = Math.max(Math.log(LEAST), Math.min(Math.log(MOST), this.#log + step));
  }

  /** The temperature to rank nodes with from now on, 0.25..4; 1 before anything was seen. */
  get temperature(): number {
    return Math.exp(this.#log);
  }
}
