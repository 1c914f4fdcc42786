/** How many rounds the GPU runs before anything is read back. */

/** Text should come at least this often, in milliseconds. */
const BEAT = 150;
/** A round trip may take this share of the time. */
const SHARE = 0.1;
const MOST_ROUNDS = 16;

export interface PaceOptions {
  /** A fixed number, or undefined to follow what is measured. */
  readonly roundsPerReadback: number | undefined;
  /** Milliseconds of a round trip without work, measured at load. */
  readonly roundTrip: number;
  readonly trees: boolean;
}

/**
 * Enough rounds per readback that waiting for it is a small share of the time, but no more than keep the text flowing.
 * The first readback is for one round, so that the first token comes early and rounds can be timed.
 */
export class Pace {
  readonly #options: PaceOptions;
  #roundTime: number | undefined;
  #first = true;

  constructor(options: PaceOptions) {
    this.#options = options;
  }

  /** Rounds to ask for, 1..16; `room` tokens are still wanted, and a round gives at least one. */
  rounds(room: number): number {
    const { roundsPerReadback, trees } = this.#options;
    if (trees || this.#first) return 1;
    return Math.max(1, Math.min(roundsPerReadback ?? this.#follow(), room));
  }

  /** `count` rounds and their readback took `milliseconds`. */
  ran(count: number, milliseconds: number): void {
    // The first waits for the prefill as well.
    if (!this.#first && count > 0) {
      this.#roundTime = Math.max(0, milliseconds - this.#options.roundTrip) / count;
    }
    this.#first = false;
  }

  #follow(): number {
    const time = this.#roundTime;
    if (time === undefined) return 1;
    const worth = Math.ceil((this.#options.roundTrip * (1 - SHARE)) / SHARE / Math.max(time, 0.01));
    const smooth = Math.floor(Math.max(BEAT, this.#options.roundTrip) / Math.max(time, 0.01));
    return Math.max(1, Math.min(worth, smooth, MOST_ROUNDS));
  }
}
