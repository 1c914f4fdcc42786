// Mirostat (arXiv 2007.14966), step by step: the paper's two algorithms, and their feedback as llama.cpp has it.
import { gumbel, TOKEN_NOISE } from "./noise.ts";
import { type RowFacts, surpriseRow } from "./surprise-rows.ts";
import type { ReferenceTree } from "./token-tree.ts";

export interface MirostatSettings {
  readonly version: 1 | 2;
  /** Whether the surprise that is fed back is that among the tokens kept. */
  readonly truncated: boolean;
  readonly temperature: number;
  /** Bits. */
  readonly tau: number;
  readonly eta: number;
  readonly bounds: readonly [number, number];
  /** Version 1: ratios of neighbours that the exponent is estimated from, and what is added to k before truncation. */
  readonly ratios: number;
  readonly rounding: number;
}

/** -log2 of the probability of logit `z` in a row. */
export function surpriseOf(z: number, { sorted, logSum }: RowFacts, temperature: number): number {
  return (logSum - (z - sorted[0]!) / temperature) / Math.LN2;
}

/** The paper's k, before it is rounded. */
export function realCount(zipf: number, mu: number, vocab: number): number {
  const e = zipf - 1;
  const base = e === 0 ? 1 / Math.log(vocab) : e / -Math.expm1(-e * Math.log(vocab));
  return (base * 2 ** mu) ** (1 / zipf);
}

/** How many of the sorted logits are kept; more where the next ones equal the last. */
export function keptCount(
  facts: RowFacts,
  mu: number,
  vocab: number,
  settings: MirostatSettings,
): number {
  const { sorted } = facts;
  const { version, rounding, temperature } = settings;
  let count =
    version === 1
      ? Math.floor(realCount(facts.zipf, mu, vocab) + rounding)
      : sorted.filter((z) => surpriseOf(z, facts, temperature) <= mu).length;
  count = Math.min(Math.max(count, 1), sorted.length);
  while (count < sorted.length && sorted[count] === sorted[count - 1]) count += 1;
  return count;
}

/** The surprise that `settings` feed back for logit `z`, drawn among the `count` largest. */
export function fedSurprise(
  z: number,
  facts: RowFacts,
  count: number,
  { truncated, temperature }: MirostatSettings,
): number {
  if (!truncated) return surpriseOf(z, facts, temperature);
  const shares = facts.sorted.slice(0, count).map((x) => Math.exp((x - z) / temperature));
  return Math.log2(shares.reduce((sum, share) => sum + share, 0));
}

export function nextMu(mu: number, fed: number, { eta, tau, bounds }: MirostatSettings): number {
  return Math.min(Math.max(mu - eta * (fed - tau), bounds[0]), bounds[1]);
}

export interface MirostatStep {
  readonly token: number;
  readonly surprise: number;
  readonly kept: number;
  /** After the token. */
  readonly mu: number;
}

/** Draws the token at `position` and moves mu. */
export function mirostatStep(
  row: ArrayLike<number>,
  facts: RowFacts,
  mu: number,
  draw: { readonly seed: number; readonly position: number },
  settings: MirostatSettings,
): MirostatStep {
  const { temperature } = settings;
  const kept = keptCount(facts, mu, row.length, settings);
  const lowest = facts.sorted[kept - 1]!;
  let [token, best] = [0, -Infinity];
  for (let c = 0; c < row.length; c++) {
    if (!(row[c]! >= lowest)) continue;
    const value = row[c]! / temperature + gumbel(draw.seed, TOKEN_NOISE, draw.position, c);
    if (value > best) [token, best] = [c, value];
  }
  if (facts.sorted.length === 0) {
    return { token, surprise: 0, kept: 0, mu: nextMu(mu, 0, settings) };
  }
  const fed = fedSurprise(row[token]!, facts, kept, settings);
  const surprise = surpriseOf(row[token]!, facts, temperature);
  return { token, surprise, kept, mu: nextMu(mu, fed, settings) };
}

export interface MirostatWalk {
  readonly path: number[];
  readonly steps: MirostatStep[];
  readonly leaf: boolean;
}

/** Walks from the root for as long as the token drawn is among the children. */
export function verifyMirostat(
  tree: ReferenceTree,
  rows: readonly ArrayLike<number>[],
  start: { readonly base: number; readonly seed: number; readonly mu: number },
  settings: MirostatSettings,
): MirostatWalk {
  const path = [0];
  const steps: MirostatStep[] = [];
  let { mu } = start;
  for (;;) {
    const node = path.at(-1)!;
    const row = rows[node]!;
    const facts = surpriseRow(row, settings.temperature, settings.ratios);
    const draw = { seed: start.seed, position: start.base + path.length };
    const step = mirostatStep(row, facts, mu, draw, settings);
    steps.push(step);
    mu = step.mu;
    const children = tree.parents.flatMap((parent, i) => (parent === node ? [i] : []));
    const next = children.find((child) => tree.tokens[child] === step.token);
    if (next === undefined) return { path, steps, leaf: children.length === 0 };
    path.push(next);
  }
}
