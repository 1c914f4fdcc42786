// A session of superposed drafts that follows the f64 reference: for the decoder above it.
import type { RoundCounts } from "../../../src/tree/rounds.ts";
import type {
  Choice,
  SuperposedSession,
  SuperposedStart,
} from "../../../src/tree/superposed-steps.ts";
import { type ReferenceDraft, superposeStep } from "../../reference/superpose-step.ts";

export interface FakeModel {
  readonly k: number;
  readonly candidates: number;
  readonly temperature: number;
  /** `[vocab]` logits at a position: after that many tokens. */
  logits(position: number): ArrayLike<number>;
}

export class FakeSuperposed implements SuperposedSession {
  readonly contextLength: number;
  readonly #model: FakeModel;
  /** Every start, the restarts too. */
  readonly starts: SuperposedStart[] = [];
  /** Steps that each call of `next` asked for. */
  readonly asked: number[] = [];
  #drafts: readonly ReferenceDraft[] = [];
  #left = 0;
  #position = 0;
  #steps = 0;

  constructor(model: FakeModel, contextLength = 64) {
    this.#model = model;
    this.contextLength = contextLength;
  }

  get counts(): RoundCounts {
    return {
      submits: this.asked.length + this.starts.length,
      readbacks: this.asked.length,
      targetForwards: this.#steps + this.starts.length,
      draftForwards: 0,
      dispatchesPerLayer: 5,
      dispatchesPerRound: 20,
      gpuBytes: 1000,
    };
  }

  start(start: SuperposedStart): Promise<void> {
    this.starts.length = 0;
    this.#steps = 0;
    return this.restart(start);
  }

  restart(start: SuperposedStart): Promise<void> {
    this.starts.push(start);
    this.#drafts = [{ tokens: start.prompt, score: 0 }];
    this.#left = start.steps;
    this.#position = start.prompt.length;
    return Promise.resolve();
  }

  next(steps: number): Promise<readonly (readonly Choice[])[]> {
    this.asked.push(steps);
    const taken: Choice[][] = [];
    while (taken.length < steps && this.#left > 0 && this.#drafts.length > 0) {
      const { endTokens } = this.starts.at(-1)!;
      const { choices, drafts } = superposeStep({
        ...this.#model,
        logits: this.#model.logits(this.#position),
        drafts: this.#drafts,
        alpha: 0,
        ngrams: undefined,
        endTokens,
      });
      this.#drafts = drafts;
      this.#left -= 1;
      this.#position += 1;
      this.#steps += 1;
      taken.push(choices);
    }
    return Promise.resolve(taken);
  }
}
