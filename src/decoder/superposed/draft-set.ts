/** The drafts of a request as they grow: which live, which ended, and how they rank. */
import type { Choice } from "../../tree/superposed-steps.ts";
import { type Growing, perplexityOf } from "../drafts.ts";

export class DraftSet {
  readonly #most: number;
  /** Where the drafts that live now began: with nothing, or after a reset with the draft that was picked. */
  #base: Growing = { tokens: [], score: 0, done: false };
  #live: readonly Growing[] = [this.#base];
  #ended: readonly Growing[] = [];

  /** `most` drafts are wanted. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Drafts that go on, best first. */
  get live(): readonly Growing[] {
    return this.#live;
  }

  /** Takes what a step chose, best first. */
  take(choices: readonly Choice[]): void {
    const before = this.#live;
    const follow = ({ parent, token, score }: Choice): Growing => ({
      tokens: [...before[parent]!.tokens, token],
      score: this.#base.score + score,
      done: false,
    });
    this.#live = choices.filter(({ fate }) => fate === "live").map(follow);
    const ended = choices
      .filter(({ fate }) => fate === "ended")
      .map((choice) => ({ ...follow(choice), tokens: before[choice.parent]!.tokens, done: true }));
    // Of those that ended the best stay, by what their tokens add up to. Sorting keeps the order of equals.
    this.#ended = [...this.#ended, ...ended].sort((a, b) => b.score - a.score).slice(0, this.#most);
  }

  /** Lets one live draft go on alone; the steps after it score from zero. */
  restart(pick: Growing): void {
    this.#base = pick;
    this.#live = [pick];
  }

  /** The best of the live and the ended, by perplexity. */
  ranking(): readonly Growing[] {
    return [...this.#live, ...this.#ended]
      .sort((a, b) => perplexityOf(a) - perplexityOf(b))
      .slice(0, this.#most);
  }

  /** The live drafts' shares in the mix: the softmax of their scores. */
  shares(): number[] {
    const best = Math.max(...this.#live.map(({ score }) => score));
    const shares = this.#live.map(({ score }) => Math.exp(score - best));
    const total = shares.reduce((sum, share) => sum + share, 0);
    return shares.map((share) => share / total);
  }
}
