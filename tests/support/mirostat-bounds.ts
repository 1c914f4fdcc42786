// What rounding may do to a step of Mirostat; docs/numerics.md has the derivations.
import { gumbel, randomBits, TOKEN_NOISE } from "../reference/noise.ts";
import type { RowFacts } from "../reference/surprise-rows.ts";
import {
  fedSurprise,
  type MirostatSettings,
  nextMu,
  realCount,
  surpriseOf,
} from "../reference/verify-mirostat.ts";
import { gumbelRange, logError, shareErrors, UNIT } from "./tolerance.ts";

/** A step as the GPU made it. */
export interface GpuStep {
  readonly token: number;
  readonly surprise: number;
  readonly kept: number;
  readonly mu: number;
}

/** A row, what the reference says of it, and what `surprise-rows` said. */
export interface JudgedRow {
  readonly row: Float32Array;
  readonly facts: RowFacts;
  readonly measured: { readonly logSum: number; readonly zipf: number };
}

/** Where a step starts: mu as the GPU had it, and as the reference has it. */
export interface StepStart {
  readonly mu: number;
  readonly reference: number;
  readonly seed: number;
  readonly position: number;
  readonly lanes: number;
}

export interface Judgement {
  /** What rounding cannot explain. */
  readonly faults: string[];
  /** Whether rounding decides how many tokens are kept, and whether it decides which of them is drawn. */
  readonly isCountClose: boolean;
  readonly isTokenClose: boolean;
  /** What the step may add to the distance between the GPU's mu and the reference's. */
  readonly drift: number;
}

/** Error of log k for given mu and exponent. */
function countError(zipf: number, mu: number, vocab: number): number {
  const size = Math.log(vocab);
  const y = Math.abs((zipf - 1) * size);
  const moved = Math.abs(mu * Math.LN2);
  const terms = UNIT * (5 * moved + 12 + 10 * y + 4 * Math.log(y + 2)) + 3 * 2 ** -21;
  const logK = Math.abs(Math.log(realCount(zipf, mu, vocab)));
  return terms / zipf + UNIT * (5 + 4.5 * Math.min(logK, size));
}

/** The fewest and the most tokens that may be kept. */
function countRange(
  { row, facts, measured }: JudgedRow,
  { mu, reference }: StepStart,
  settings: MirostatSettings,
): [number, number] {
  const { sorted, logSum, zipf } = facts;
  const { version, rounding, temperature } = settings;
  const inRange = (count: number) => {
    let kept = Math.min(Math.max(count, 1), sorted.length);
    while (kept < sorted.length && sorted[kept] === sorted[kept - 1]) kept += 1;
    return kept;
  };
  if (version === 1) {
    const vocab = row.length;
    const counts = [realCount(measured.zipf, mu, vocab), realCount(zipf, reference, vocab)];
    const error = countError(zipf, mu, vocab);
    const ends = [Math.min(...counts) * Math.exp(-error), Math.max(...counts) * Math.exp(error)];
    return [inRange(Math.floor(ends[0]! + rounding)), inRange(Math.floor(ends[1]! + rounding))];
  }
  const top = sorted[0]!;
  const cuts = [
    top + temperature * (measured.logSum - mu * Math.LN2),
    top + temperature * (logSum - reference * Math.LN2),
  ];
  const size = temperature * (logSum + Math.abs(mu * Math.LN2));
  const error = UNIT * (4 * size + Math.abs(top) + Math.abs(cuts[0]!));
  const above = (cut: number) => inRange(sorted.filter((z) => z >= cut).length);
  return [above(Math.max(...cuts) + error), above(Math.min(...cuts) - error)];
}

/** Tokens that may have the largest perturbed log-probability of the `kept` most probable ones. */
function winners(
  { row, facts }: JudgedRow,
  { seed, position }: StepStart,
  kept: number,
  temperature: number,
): number[] {
  const { sorted, logSum } = facts;
  const lowest = sorted[kept - 1]!;
  const values: { c: number; value: number; scaled: number }[] = [];
  let best = -Infinity;
  for (let c = 0; c < row.length; c++) {
    if (!(row[c]! >= lowest)) continue;
    const scaled = (row[c]! - sorted[0]!) / temperature;
    const value = scaled - logSum + gumbel(seed, TOKEN_NOISE, position, c);
    values.push({ c, value, scaled });
    best = Math.max(best, value);
  }
  // No noise and no logarithm errs by more than this; only what is near is looked at closely.
  const near = values.filter(({ value }) => value > best - 1e-3);
  const ranges = near.map(({ c, scaled }) => {
    const [low, high] = gumbelRange(randomBits(seed, TOKEN_NOISE, position, c));
    const log = scaled - logSum;
    const error = UNIT * (3.5 * Math.abs(scaled) + 2 * Math.abs(log) + Math.abs(high) + 1);
    return { c, low: low + log - error, high: high + log + error };
  });
  const least = Math.max(...ranges.map(({ low }) => low));
  return ranges.filter(({ high }) => high >= least).map(({ c }) => c);
}

/** Judges one step; a token that rounding did not decide must be `wanted`, and so must the number kept. */
export function judgeStep(
  judged: JudgedRow,
  start: StepStart,
  got: GpuStep,
  settings: MirostatSettings,
): Judgement {
  const { row, facts, measured } = judged;
  const { temperature, eta, tau, truncated } = settings;
  const faults: string[] = [];
  const [fewest, most] = countRange(judged, start, settings);
  if (got.kept < fewest || got.kept > most) {
    faults.push(`${got.kept} kept, not ${fewest} to ${most}`);
    return { faults, isCountClose: false, isTokenClose: false, drift: 0 };
  }
  const possible = winners(judged, start, got.kept, temperature);
  if (!possible.includes(got.token)) faults.push(`token ${got.token}, not ${possible.join()}`);

  const z = row[got.token]!;
  const scaled = (facts.sorted[0]! - z) / temperature;
  const surprise = surpriseOf(z, facts, temperature);
  const rounding = UNIT * (3.5 * scaled + 2 * (scaled + facts.logSum) + 2 * surprise);
  const ofSum = Math.abs(measured.logSum - facts.logSum);
  const error = (ofSum + rounding) / Math.LN2 + UNIT;
  if (!(Math.abs(got.surprise - surprise) <= error)) {
    faults.push(`surprise ${got.surprise}, not ${surprise}, allowed ${error}`);
  }
  const fed = fedSurprise(z, facts, got.kept, settings);
  let fedError = error;
  if (truncated) {
    const kept = facts.sorted.slice(0, got.kept).map((x) => (facts.sorted[0]! - x) / temperature);
    const { sum, relative } = shareErrors(kept, row.length, start.lanes);
    fedError = (relative + logError(sum) + rounding) / Math.LN2 + UNIT;
  }
  const sizes = eta * (Math.abs(fed) + tau) * 3 + Math.abs(start.mu) + Math.abs(got.mu);
  const drift = eta * fedError + 2 * UNIT * sizes;
  const mu = nextMu(start.mu, fed, settings);
  if (!(Math.abs(got.mu - mu) <= drift)) faults.push(`mu ${got.mu}, not ${mu}, allowed ${drift}`);
  return { faults, isCountClose: fewest < most, isTokenClose: possible.length > 1, drift };
}
