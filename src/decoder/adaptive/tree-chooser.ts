/** Which arm to run next, by expected tokens per second on this device. */
import { DEFAULT_ARMS, nodesOf, type Arm } from "./arms.ts";
import { ConfidenceTemperature } from "./confidence-temperature.ts";
import { Credit } from "./credit.ts";
import { PlainLedger } from "./plain-ledger.ts";
import { Estimates, type ChooserPriors, type GroupOutcome } from "./estimates.ts";

/** Rounds per group where an arm runs to be measured; one where its cost is a guess. */
const PROBE_ROUNDS = 2;
/** Groups of one round that plain decoding and the smallest tree are measured with before anything is chosen. */
const CALIBRATION_GROUPS = 3;
/** Groups that a probe which pays may last before the choice is made anew. */
const PROBE_GROUPS = 8;
/** Share by which another arm has to be faster than the one that runs: two that are nearly alike should not take turns. */
const KEEP = 0.02;

export interface Choice {
  /** Index of the arm. */
  readonly arm: number;
  /** Run at most so many rounds before reading back and choosing again, 1 up; the pace may want fewer. */
  readonly rounds: number;
  /** `calibrate` and `probe` run an arm to learn about it, `exploit` because it is the fastest known. */
  readonly reason: "calibrate" | "probe" | "exploit";
}

/**
 * The goodput rule of SmartSpec (arXiv 2406.14066) over the trees of Sequoia (arXiv 2402.12374, section 3.3): expected
 * tokens of a round over its expected time, both measured while decoding. Not running an arm is never final: probes are
 * paid from a small share of the time (see `Credit`), so they are as frequent as they are cheap, and never cease. And nothing
 * runs that could make the text slower than plain decoding by more than a share (see `PlainLedger`).
 * Deterministic: no random numbers, so the same observations give the same choices.
 */
export class TreeChooser {
  readonly arms: readonly Arm[];
  /** What trees are ranked with: it belongs to the pair of models, so it is kept from text to text. */
  readonly confidence = new ConfidenceTemperature();
  readonly #estimates: Estimates;
  readonly #credit = new Credit();
  readonly #ledger = new PlainLedger();
  readonly #plain: number;
  readonly #smallest: number;
  #best = -1;
  /** Groups since the best arm last changed. */
  #streak = 0;
  #choice: Choice | undefined;
  /** Since when one arm is being probed: groups, tokens and milliseconds. */
  #probe = { groups: 0, tokens: 0, time: 0 };

  /** @param arms The plain one and at least one tree. */
  constructor(arms: readonly Arm[] = DEFAULT_ARMS, priors: ChooserPriors = {}) {
    this.arms = arms;
    this.#plain = arms.findIndex(({ tree }) => tree === undefined);
    this.#estimates = new Estimates(arms, priors);
    const trees = [...arms.keys()].filter((index) => index !== this.#plain);
    this.#smallest = argmax(trees, (index) => -nodesOf(arms[index]!));
  }

  /** The arm for the next group of rounds. */
  choose(): Choice {
    const next = this.#calibration() ?? this.#continued();
    if (next === undefined) this.#probe = { groups: 0, tokens: 0, time: 0 };
    const wanted = next ?? this.#newProbe() ?? this.#exploit();
    const plain = { arm: this.#plain, rounds: PROBE_ROUNDS, reason: "exploit" } as const;
    this.#choice = this.#isSafe(wanted) ? wanted : plain;
    return this.#choice;
  }

  /** What the last choice gave; nothing where no round ran. */
  observe(arm: number, group: GroupOutcome): void {
    const rounds = group.paths.length;
    if (rounds === 0) return;
    this.#estimates.observe(arm, group);
    if (group.milliseconds === undefined) return;
    const before = this.#best;
    this.#best = this.#fastest();
    this.#streak = this.#best === before ? this.#streak + 1 : 0;
    if (this.#best !== before) this.#credit.wake();
    // By the believed cost: a pause is nobody's doing.
    const time = rounds * this.#estimates.milliseconds(arm);
    const given = rounds + group.paths.reduce((sum, path) => sum + path.length, 0);
    this.#ledger.record(given, time / this.#estimates.milliseconds(this.#plain));
    this.#credit.earn(time, 1 / this.#estimates.rate(this.#best), this.#best === this.#plain);
    if (this.#choice === undefined || this.#choice.reason === "exploit") return;
    this.#credit.spend(time, rounds * this.#estimates.loss(arm, this.#best));
    this.#probe.groups += 1;
    this.#probe.tokens += given;
    this.#probe.time += time;
  }

  /** Expected tokens per second of an arm; 0 before anything was timed. */
  tokensPerSecond(arm: number): number {
    return 1000 * this.#estimates.rate(arm);
  }

  /** Another text begins: what the last one said about acceptance counts little, costs stay. */
  startText(): void {
    this.#estimates.startText();
  }

  /** Whether plain decoding would not miss what is lost if all that is drafted turns out wrong. */
  #isSafe({ arm, rounds, reason }: Choice): boolean {
    if (reason === "calibrate" || arm === this.#plain) return true;
    const round = this.#estimates.milliseconds(arm) / this.#estimates.milliseconds(this.#plain);
    return this.#ledger.affords((reason === "probe" ? rounds : 1) * (round - 1));
  }

  #calibration(): Choice | undefined {
    for (const arm of [this.#plain, this.#smallest]) {
      if (this.#estimates.groups(arm) < CALIBRATION_GROUPS)
        return { arm, rounds: 1, reason: "calibrate" };
    }
    return undefined;
  }

  /** A probe goes on while it gives more than the best arm: then it costs nothing, and soon is the best arm. */
  #continued(): Choice | undefined {
    const { groups, tokens, time } = this.#probe;
    if (this.#choice?.reason !== "probe" || groups === 0) return undefined;
    if (this.#choice.arm === this.#best) return undefined;
    const pays = tokens > time * this.#estimates.rate(this.#best);
    if (pays && groups < PROBE_GROUPS) return this.#choice;
    this.#credit.tire();
    return undefined;
  }

  #newProbe(): Choice | undefined {
    const others = [...this.arms.keys()].filter((arm) => arm !== this.#best);
    const hopeful = argmax(others, (arm) => this.#estimates.hope(arm));
    if (this.#estimates.hope(hopeful) > this.#score(this.#best)) return this.#affordable(hopeful);
    // Plain decoding says nothing about the draft, so there whatever costs least is tried without any hope.
    if (this.#best === this.#plain)
      return this.#affordable(argmax(others, (arm) => -this.#estimates.loss(arm, this.#best)));
    // Elsewhere what is saved goes to the arm that was not measured for longest: any of them may be misjudged.
    if (!this.#credit.full) return undefined;
    return this.#probeOf(argmax(others, (arm) => -this.#estimates.fresh(arm)));
  }

  #affordable(arm: number): Choice | undefined {
    const probe = this.#probeOf(arm);
    const time = probe.rounds * this.#estimates.milliseconds(arm);
    const loss = probe.rounds * this.#estimates.loss(arm, this.#best);
    return this.#credit.affords(time, loss) ? probe : undefined;
  }

  #probeOf(arm: number): Choice {
    const rounds = this.#estimates.groups(arm) === 0 ? 1 : PROBE_ROUNDS;
    return { arm, rounds, reason: "probe" };
  }

  #exploit(): Choice {
    // A new choice is often a mistake, so it is reconsidered soon and then ever later.
    return { arm: this.#best, rounds: PROBE_ROUNDS * 2 ** this.#streak, reason: "exploit" };
  }

  #fastest(): number {
    const measured = [...this.arms.keys()].filter((arm) => this.#estimates.groups(arm) > 0);
    return argmax(measured, (arm) => this.#score(arm));
  }

  #score(arm: number): number {
    return this.#estimates.rate(arm) * (arm === this.#best ? 1 + KEEP : 1);
  }
}

/** The first of the arms with the highest score. */
function argmax(arms: readonly number[], score: (arm: number) => number): number {
  const scores = arms.map(score);
  return arms[scores.indexOf(Math.max(...scores))]!;
}
