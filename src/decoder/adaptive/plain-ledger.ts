/** What speculation has saved against plain decoding, or lost to it, counted in tokens that plain decoding would have given. */

/** Share of the time that speculation may lose. */
const SHARE = 0.02;
/** Tokens that it may lose before any time has gone by: the first rounds of a draft may be unlucky ones. */
const GRANT = 16;
/** Tokens of text after which a gain or a loss counts half. */
const HALF_LIFE = 4000;
/** Tokens of debt that are remembered at most: a pause is nobody's doing, and 1 / `SHARE` tokens pay back one. */
const MOST_DEBT = 4;

/**
 * A conservative bandit's guard (Wu et al., Conservative Bandits, ICML 2016): no choice that could take what was gained so
 * far below `SHARE` of a loss, however promising. It counts the tokens that rounds did give, not those that were expected.
 */
export class PlainLedger {
  #saved = 0;
  #elapsed = 0;

  /** Rounds gave `given` tokens, in the time of `plain` tokens of plain decoding. */
  record(given: number, plain: number): void {
    const kept = 0.5 ** (given / HALF_LIFE);
    this.#elapsed = this.#elapsed * kept + plain;
    this.#saved = Math.max(this.#saved * kept + given - plain, -this.#allowance - MOST_DEBT);
  }

  /** Whether `tokens` may be lost. */
  affords(tokens: number): boolean {
    return this.#saved + this.#allowance >= tokens;
  }

  get #allowance(): number {
    return GRANT + SHARE * this.#elapsed;
  }
}
