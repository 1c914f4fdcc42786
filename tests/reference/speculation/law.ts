// Distributions over tokens and over texts of a few tokens: what a model says, what is left after a
// rejection, and the joint law that every lossless rule must reproduce.
import type { Outcome } from "./chance.ts";

/** The probabilities of the token after `path`. They may depend on all of it, as a language model's do. */
export type Model = (path: readonly number[]) => readonly number[];

export interface Pair {
  readonly vocab: number;
  readonly target: Model;
  readonly draft: Model;
}

/**
 * Masses below are rounding. In exact arithmetic a rejection implies a residual with mass; in f64 an acceptance of
 * probability 1 may come out as 1 - 2^-53, and its rejection then leaves nothing.
 */
const NOTHING = 1e-14;

/** The positive part of `scale * a - b`: its mass and, unless there is none, its normalised distribution. */
export function positivePart(a: readonly number[], b: readonly number[], scale = 1) {
  const rest = a.map((x, token) => Math.max(scale * x - b[token]!, 0));
  const mass = rest.reduce((sum, x) => sum + x, 0);
  return { mass, law: mass > NOTHING ? rest.map((x) => x / mass) : undefined };
}

/** The probability that u * draft < target for a uniform u in [0, 1): their ratio, where there is one. */
export function acceptance(target: number, draft: number): number {
  if (target === 0) return 0;
  return draft > 0 ? Math.min(1, target / draft) : 1;
}

/** A law without one token, renormalised. Nothing is left of a law with no other token. */
export function without(law: readonly number[], drawn: number): number[] {
  const rest = law.map((q, token) => (token === drawn ? 0 : q));
  const mass = rest.reduce((sum, q) => sum + q, 0);
  return mass > 0 ? rest.map((q) => q / mass) : rest;
}

/** Texts of one length as array indices: base `vocab`, the first token most significant. */
export function textIndex(text: readonly number[], vocab: number): number {
  return text.reduce((index, token) => index * vocab + token, 0);
}

/** The inverse of `textIndex`. */
export function textAt(index: number, vocab: number, length: number): number[] {
  return Array.from({ length }, (_, i) => Math.floor(index / vocab ** (length - 1 - i)) % vocab);
}

/** The joint law of the first `length` tokens of plain sampling, by `textIndex`. */
export function exactLaw(target: Model, vocab: number, length: number): Float64Array {
  return emittedLaw([{ value: [], probability: 1 }], target, vocab, length);
}

/**
 * The joint law of the first `length` tokens where rounds emit these texts, by `textIndex`. A shorter text is continued
 * by plain sampling, a longer one is cut: the next round is exact if this one is, so one round is all there is to prove.
 */
export function emittedLaw(
  rounds: readonly Outcome<readonly number[]>[],
  target: Model,
  vocab: number,
  length: number,
): Float64Array {
  let level = new Float64Array(1);
  const mass = massByText(rounds, vocab, length);
  for (let depth = 0; ; depth++) {
    for (const [index, probability] of mass[depth]!) level[index]! += probability;
    if (depth === length) return level;
    const next = new Float64Array(level.length * vocab);
    for (const [index, probability] of level.entries()) {
      if (probability === 0) continue;
      const law = target(textAt(index, vocab, depth));
      for (let token = 0; token < vocab; token++) {
        next[index * vocab + token] = probability * law[token]!;
      }
    }
    level = next;
  }
}

/** For each length up to `length`: the probability that a round emits exactly this text. */
function massByText(
  rounds: readonly Outcome<readonly number[]>[],
  vocab: number,
  length: number,
): Map<number, number>[] {
  const mass = Array.from({ length: length + 1 }, () => new Map<number, number>());
  for (const { value, probability } of rounds) {
    const text = value.slice(0, length);
    const index = textIndex(text, vocab);
    const ofLength = mass[text.length]!;
    ofLength.set(index, (ofLength.get(index) ?? 0) + probability);
  }
  return mass;
}

/** The largest difference of any text's probability. */
export function largestError(law: Float64Array, exact: Float64Array): number {
  return law.reduce((worst, p, i) => Math.max(worst, Math.abs(p - exact[i]!)), 0);
}

/** P(a round emits exactly n tokens), by n. */
export function lengthLaw(rounds: readonly Outcome<readonly number[]>[]): number[] {
  const law: number[] = [];
  for (const { value, probability } of rounds) {
    while (law.length <= value.length) law.push(0);
    law[value.length]! += probability;
  }
  return law;
}

/** Tokens per round, the recovered or bonus token included. */
export function blockEfficiency(rounds: readonly Outcome<readonly number[]>[]): number {
  return rounds.reduce((sum, { value, probability }) => sum + value.length * probability, 0);
}
