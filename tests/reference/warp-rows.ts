import { compareDown } from "./order.ts";

export type Stage = "temperature" | "topK" | "topP" | "minP" | "typicalP" | "topNSigma";

export interface Stages {
  temperature: number;
  /** 0: all */
  topK: number;
  topP: number;
  minP: number;
  /** Default 1: all. */
  typicalP?: number;
  /** Default 0: all. */
  topNSigma?: number;
  /** Default: Hugging Face's. */
  order?: readonly Stage[];
}

/** Moves thresholds: shares of a total, amounts of logit, and the mean that typical tokens are near to. */
export interface Shift {
  topP?: number;
  minP?: number;
  topNSigma?: number;
  typicalP?: number;
  typicalMean?: number;
}

const HUGGING_FACE: readonly Stage[] = ["temperature", "topK", "topP", "minP", "typicalP"];

/** Logits from `lowest` to `highest`. Nothing: `lowest` is Infinity. */
export interface Kept {
  lowest: number;
  highest: number;
}

export const orderOf = (stages: Stages): readonly Stage[] => stages.order ?? HUGGING_FACE;

/** The temperature after the first `count` stages. */
export function temperatureAfter(stages: Stages, count = Infinity): number {
  return orderOf(stages).slice(0, count).includes("temperature") ? stages.temperature : 1;
}

/** The logits that may be kept, from large to small. */
export function sortedDown(row: ArrayLike<number>): number[] {
  return Array.from(row)
    .filter((x) => x > -Infinity)
    .sort(compareDown);
}

/** What the stages keep of a sorted row: always neighbours, and all of a tie or none. */
export function keptOf(sorted: readonly number[], stages: Stages, shift: Shift = {}): Kept {
  let kept = sorted;
  let temperature = 1;
  for (const stage of orderOf(stages)) {
    if (kept.length === 0) break;
    if (stage === "temperature") ({ temperature } = stages);
    else kept = STAGES[stage](kept, temperature, stages, shift);
  }
  return { lowest: kept.at(-1) ?? Infinity, highest: kept[0] ?? -Infinity };
}

type Keep = (kept: readonly number[], t: number, stages: Stages, shift: Shift) => readonly number[];

const STAGES: Record<Exclude<Stage, "temperature">, Keep> = {
  topK: (kept, _, { topK }) =>
    topK > 0 && topK < kept.length ? kept.filter((x) => x >= kept[topK - 1]!) : kept,

  topP: (kept, t, { topP }, shift) => {
    if (topP >= 1) return kept;
    const shares = sharesOf(kept, t);
    let left = (topP + (shift.topP ?? 0)) * total(shares);
    const last = shares.findIndex((share) => (left -= share) <= 0);
    return last < 0 ? kept : kept.filter((x) => x >= kept[last]!);
  },

  minP: (kept, t, { minP }, shift) => {
    if (minP <= 0) return kept;
    const least = kept[0]! + t * Math.log(minP) + (shift.minP ?? 0);
    return kept.filter((x) => x === kept[0] || x >= least);
  },

  typicalP: (kept, t, { typicalP = 1 }, shift) => {
    if (typicalP >= 1) return kept;
    const shares = sharesOf(kept, t);
    const all = total(shares);
    const logs = kept.map((x) => (x - kept[0]!) / t);
    const mean = logs.reduce((sum, log, i) => sum + (shares[i] ? (shares[i]! / all) * log : 0), 0);
    const center = mean + (shift.typicalMean ?? 0);
    const ranks = logs.map((log, i) => ({ i, distance: Math.abs(log - center) }));
    ranks.sort((a, b) => compareDown(b.distance, a.distance));
    let left = (typicalP + (shift.typicalP ?? 0)) * all;
    const last = ranks.find(({ i }) => (left -= shares[i]!) <= 0);
    if (!last) return kept;
    return kept.filter((_, i) => Math.abs(logs[i]! - center) <= last.distance);
  },

  topNSigma: (kept, _, { topNSigma = 0 }, shift) => {
    if (topNSigma <= 0) return kept;
    const least = kept[0]! - topNSigma * deviation(kept) + (shift.topNSigma ?? 0);
    return kept.filter((x) => x === kept[0] || x >= least);
  },
};

/** Population standard deviation; logits further than 1e15 from the largest count as that far. */
export function deviation(sorted: readonly number[]): number {
  const distances = sorted.map((x) => Math.min(sorted[0]! - x, 1e15));
  const mean = total(distances) / distances.length;
  return Math.sqrt(total(distances.map((d) => (d - mean) ** 2)) / distances.length);
}

const total = (numbers: readonly number[]): number => numbers.reduce((sum, x) => sum + x, 0);
const sharesOf = (sorted: readonly number[], t: number): number[] =>
  sorted.map((x) => Math.exp((x - sorted[0]!) / t));

/** log-probabilities of what is kept, -Infinity for the others. */
export function logProbs(row: ArrayLike<number>, kept: Kept, temperature: number): number[] {
  const isKept = (x: number): boolean => x >= kept.lowest && x <= kept.highest;
  const sum = Array.from(row)
    .filter(isKept)
    .reduce((added, x) => added + Math.exp((x - kept.highest) / temperature), 0);
  return Array.from(row, (x) =>
    isKept(x) ? (x - kept.highest) / temperature - Math.log(sum) : -Infinity,
  );
}
