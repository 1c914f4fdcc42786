// Sessions of beams and samples that follow a script: for the decoders above them.
import type { BeamOutcome, BeamSession, BeamStart } from "../../../src/tree/beam-steps.ts";
import type { RoundCounts } from "../../../src/tree/rounds.ts";
import type { Sample, SamplesSession, SamplesStart } from "../../../src/tree/sample-steps.ts";

/** Fewer steps than the context has room for. */
export const MOST_STEPS = 100;

class FakeSteps {
  readonly contextLength: number;
  /** Steps that each call of `next` asked for. */
  readonly asked: number[] = [];

  constructor(contextLength: number) {
    this.contextLength = contextLength;
  }

  mostSteps(promptTokens: number): number {
    return Math.min(MOST_STEPS, this.contextLength - promptTokens);
  }

  get done(): number {
    return this.asked.reduce((sum, steps) => sum + steps, 0);
  }

  get counts(): RoundCounts {
    return {
      submits: 1 + this.asked.length,
      readbacks: this.asked.length,
      targetForwards: 1 + this.done,
      draftForwards: 0,
      dispatchesPerLayer: 5,
      dispatchesPerRound: 20,
      gpuBytes: 1000,
    };
  }
}

/**
 * Two beams: one repeats `letters`, the other the last letter alone, each token at -1 and -2 nats. After three steps the second
 * ends with `end`; at the limit the first is finished too, and the search over.
 */
export class FakeBeams extends FakeSteps implements BeamSession {
  readonly #letters: readonly number[];
  readonly #end: number;
  started: BeamStart | undefined;

  constructor(letters: readonly number[], end: number, contextLength: number) {
    super(contextLength);
    this.#letters = letters;
    this.#end = end;
  }

  start(start: BeamStart): Promise<void> {
    this.started = start;
    this.asked.length = 0;
    return Promise.resolve();
  }

  next(steps: number): Promise<BeamOutcome> {
    this.asked.push(steps);
    const { done } = this;
    const letter = (i: number) => this.#letters[i % this.#letters.length]!;
    const first = { tokens: Array.from({ length: done }, (_, i) => letter(i)), score: -done };
    const last = Array.from({ length: Math.min(done, 3) }, () => this.#letters.at(-1)!);
    const second = { tokens: [...last, this.#end], score: -8 / 4 };
    const isOver = done >= this.started!.maxNewTokens;
    const running = done < 4 ? [first, { tokens: last, score: -2 * done }] : [first];
    const finished = done < 4 ? [] : [second];
    const outcome = isOver
      ? { running: [], finished: [{ ...first, score: -1 }, ...finished] }
      : { running, finished };
    return Promise.resolve({ groups: [outcome], done: isOver });
  }
}

/** Each text repeats its letters, every token at -1 nat. */
export class FakeSamples extends FakeSteps implements SamplesSession {
  readonly #texts: readonly (readonly number[])[];
  started: SamplesStart | undefined;

  constructor(texts: readonly (readonly number[])[], contextLength: number) {
    super(contextLength);
    this.#texts = texts;
  }

  start(start: SamplesStart): Promise<void> {
    this.started = start;
    this.asked.length = 0;
    return Promise.resolve();
  }

  next(steps: number): Promise<readonly Sample[]> {
    this.asked.push(steps);
    const places = Array.from({ length: this.done }, (_, i) => i);
    return Promise.resolve(
      this.#texts.map((letters) => ({
        tokens: places.map((i) => letters[i % letters.length]!),
        scores: places.map((i) => -i - 1),
      })),
    );
  }
}
