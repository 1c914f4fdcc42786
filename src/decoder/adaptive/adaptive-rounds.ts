/** Between the loop that runs rounds and the chooser that learns from them: one text's worth. */
import type { RoundOutcome } from "../../tree/rounds.ts";
import type { Arm } from "./arms.ts";
import type { ConfidenceTemperature } from "./confidence-temperature.ts";
import { RevealedNoise } from "./revealed-noise.ts";
import type { Choice, TreeChooser } from "./tree-chooser.ts";

/** An arm's place among the session's plans: one per arm that has a tree, in their order. */
function planOf(arms: readonly Arm[], index: number): number | "plain" {
  if (arms[index]!.tree === undefined) return "plain";
  return arms.slice(0, index).filter(({ tree }) => tree !== undefined).length;
}

export class AdaptiveRounds {
  readonly #chooser: TreeChooser;
  readonly #roundTrip: number;
  #choice: Choice | undefined;
  #isFirst = true;
  readonly #noise = new RevealedNoise();
  /** Plain rounds that lead up to the choice. */
  #isWaiting = false;

  /** `roundTrip`: milliseconds of a round trip without work. */
  constructor(chooser: TreeChooser, roundTrip: number) {
    this.#chooser = chooser;
    this.#roundTrip = roundTrip;
    chooser.startText();
  }

  /** The session's plan for the next rounds, how many of them at most, and what their trees are ranked with. */
  choose(): {
    readonly plan: number | "plain";
    readonly rounds: number;
    readonly confidence: number;
  } {
    const choice = this.#isWaiting ? this.#choice! : this.#chooser.choose();
    this.#choice = choice;
    const { temperature } = this.#chooser.confidence;
    const { verify } = this.#chooser.arms[choice.arm]!;
    this.#isWaiting = verify !== undefined && this.#noise.positions > 0;
    if (this.#isWaiting) {
      return { plan: "plain", rounds: this.#noise.positions, confidence: temperature };
    }
    return {
      plan: planOf(this.#chooser.arms, choice.arm),
      rounds: choice.rounds,
      confidence: temperature,
    };
  }

  /** What came of it, in so many milliseconds. */
  ran(outcomes: readonly RoundOutcome[], milliseconds: number): void {
    const { arm } = this.#choice!;
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    const { verify } = this.#chooser.arms[arm]!;
    const coupled = this.#isWaiting || verify === undefined;
    for (const outcome of outcomes) this.#noise.ran(outcome, coupled);
    // Nobody chose these rounds.
    if (this.#isWaiting) return;
    // A prompt of one token begins with a plain round, whatever was chosen.
    const wasPlain = outcomes.every(({ draftPasses }) => draftPasses === 0);
    if (wasPlain !== (this.#chooser.arms[arm]!.tree === undefined)) return;
    if (coupled) {
      for (const outcome of outcomes) learnConfidence(this.#chooser.confidence, outcome);
    }
    this.#chooser.observe(arm, {
      paths: outcomes.map(({ steps }) => steps),
      // The first readback waits for the prefill as well.
      milliseconds: isFirst ? undefined : Math.max(0, milliseconds - this.#roundTrip),
    });
  }
}

/** Of every node on the path that had children: whether the surest of them was the target's token. */
function learnConfidence(
  confidence: ConfidenceTemperature,
  { accepted, steps, sureness }: RoundOutcome,
): void {
  for (const [i, sure] of sureness.entries()) {
    if (sure > 0) confidence.observe(sure, i < accepted && steps[i]!.rank === 0);
  }
}
