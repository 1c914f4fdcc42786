/** What may be spent on rounds that are not the best known ones, in milliseconds. */

/** Share of all time that goes into probing at most: with the calibration, 3 % of a text of 2,000 tokens. */
const MOST_SHARE = 0.02;
/** Part of the share where plain decoding is best: there every probe makes speculation the slower choice. */
const PLAIN_PART = 0.5;
/** The share never falls below this: what is not probed cannot be known to have changed. */
const LEAST_SHARE = 0.01;
/** What a probe that found nothing new leaves of the share. */
const PATIENCE = 0.9;
/**
 * What may be saved up, as the time that the best arm takes for so many tokens: enough for one probe, so that calm is
 * not followed by a burst. As much is granted at the start, for the calibration.
 */
const SAVED_TOKENS = 16;
/** Share of its time that a probe costs at least, or arms that are nearly as good would be probed without end. */
const LEAST_LOSS = 0.05;

/** Time earns credit, probes spend it; a probe that cost more than it was thought to leaves a debt. */
export class Credit {
  #saved: number | undefined;
  #full = false;
  #share = MOST_SHARE;

  /** So much time went by; the best arm, which may be plain decoding, takes `perToken` milliseconds for a token. */
  earn(milliseconds: number, perToken: number, plain: boolean): void {
    const most = SAVED_TOKENS * perToken;
    const part = plain ? PLAIN_PART : 1;
    const saved = (this.#saved ?? most) + part * this.#share * milliseconds;
    this.#full = saved >= most;
    this.#saved = Math.min(saved, most);
  }

  /** Whether it suffices for a probe of so many milliseconds, `loss` of which the best arm would not have needed. */
  affords(milliseconds: number, loss: number): boolean {
    return (this.#saved ?? 0) >= price(milliseconds, loss);
  }

  /** Whether nothing has been worth spending it on for long. */
  get full(): boolean {
    return this.#full;
  }

  spend(milliseconds: number, loss: number): void {
    this.#saved = (this.#saved ?? 0) - price(milliseconds, loss);
  }

  /** A probe changed nothing: the next may wait longer. */
  tire(): void {
    this.#share = Math.max(LEAST_SHARE, this.#share * PATIENCE);
  }

  /** The best arm is another one now: the text or the device has changed. */
  wake(): void {
    this.#share = MOST_SHARE;
  }
}

function price(milliseconds: number, loss: number): number {
  return Math.max(loss, LEAST_LOSS * milliseconds);
}
