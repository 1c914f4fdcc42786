// Texts, trees and candidates that bite, for momentum-candidates.
import {
  judge,
  mostProbable,
  type MomentumSettings,
  valueOf,
} from "../reference/momentum-candidates.ts";
import type { Judged } from "../reference/momentum-candidates.ts";
import type { ReferenceTree } from "../reference/token-tree.ts";
import { pathTokens } from "./edit-cases.ts";
import { normals, uniforms } from "./random.ts";
import { randomParents, treeOf } from "./token-trees.ts";
import { expError, gamma, logError, SMALLEST, UNIT } from "./tolerance.ts";

export interface MomentumCase {
  readonly settings: MomentumSettings;
  /** The committed text, the root's token included. */
  readonly text: readonly number[];
  /** The target's tree; the root's own token is not looked at. */
  readonly tree: ReferenceTree;
  readonly nodeStart: number;
  /** Per row from `nodeStart` on, the most probable tokens; log-probabilities as f32. */
  readonly likely: readonly (readonly { token: number; logProbability: number }[])[];
  readonly kept: number;
  readonly sharpness: number;
}

/** What logits look like; some rows have ties, some exclude tokens, some all of them. */
const ROWS: ((normal: () => number, c: number) => number)[] = [
  (normal) => 2 * normal(),
  (normal) => Math.round(normal()),
  () => 3,
  (normal) => (normal() < 1 ? -Infinity : normal()),
  () => -Infinity,
  (_, c) => (c === 0 ? 20 : -c),
];

/** Few tokens, so that they repeat. */
export function randomMomentumCase(seed: number): MomentumCase {
  const next = uniforms(seed);
  const normal = normals(seed);
  const below = (count: number): number => Math.floor(next() * count);
  const vocab = [1, 2, 5, 70, 300][below(5)]!;
  const alphabet = Math.min(vocab, 1 + below(6));
  const text = Array.from({ length: 1 + below([3, 20, 300][below(3)]!) }, () => below(alphabet));
  const tree = treeOf(randomParents(1 + below(40), next(), next), alphabet, next);
  const nodeStart = below(tree.tokens.length);
  const topK = 2 + below([4, 63][below(2)]!);
  const kept = Math.min(vocab, 1 + below([1, 8, 63][below(3)]!));
  const k = Math.min(vocab, Math.max(topK, kept));
  const lengths = 1 + below([5, 16][below(2)]!);
  const settings = {
    topK,
    alpha: [0, 0.2, 0.05, 100][below(4)]!,
    // What f32 holds exactly, so that the table is the reference's.
    resistance: Array.from({ length: lengths }, (_, i) => [i + 1, below(8), 0.25 * i][below(3)]!),
  };
  const likely = tree.tokens.slice(nodeStart).map(() => {
    const kind = ROWS[below(ROWS.length)]!;
    const found = mostProbable(
      Array.from({ length: vocab }, (_, c) => kind(normal, c)),
      k,
    );
    return found.map(({ token, logProbability }) => ({
      token,
      logProbability: Math.fround(logProbability),
    }));
  });
  return { settings, text, tree, nodeStart, likely, kept, sharpness: [1, 0.25, 4][below(3)]! };
}

/** A row as the reference judges it, with how far off f32 may be. */
export function judgedRow({ settings, text, tree, nodeStart, likely }: MomentumCase, row: number) {
  const whole = [...text, ...pathTokens(tree, nodeStart + row)];
  const judged = judge(likely[row]!, whole, settings);
  return judged.map((one) => ({ ...one, error: standingError(one) }));
}

/** p by exp, the table's rounding to f32, and a difference. */
function standingError({ tier, s, logProbability }: Judged): number {
  if (tier === 3) return 0;
  const p = Math.exp(logProbability);
  const against = tier === 2 ? 0 : p - s;
  return p * expError(logProbability) + UNIT * (against + Math.abs(s)) + SMALLEST;
}

/** Scores of judged candidates by place, and how far off each may be. */
export function wantedScores(
  placed: readonly (Judged & { readonly error: number })[],
  sharpness: number,
) {
  const values = placed.map((one) => {
    const value = valueOf(one);
    // The slope is at most 1 / 0.05; then a logarithm, a quotient, a sum and a tier's difference.
    const linear = Math.abs(Math.min(Math.max(one.s, -1) - 0.05, 0)) / 0.05;
    const error =
      20 * one.error +
      logError(Math.max(one.s, 0.05)) +
      UNIT * (5 * linear + 3 * Math.abs(value) + 80);
    return { value, error, excluded: one.tier === 3 };
  });
  const top = values[0]!;
  const offBy = (one: { value: number; error: number }): number =>
    sharpness * (one.error + top.error) + 2 * UNIT * sharpness * (top.value - one.value);
  const terms = values.filter(({ excluded }) => !excluded);
  let [sum, relative] = [0, 0];
  for (const one of terms) {
    const distance = sharpness * (top.value - one.value);
    const share = Math.exp(-distance);
    sum += share;
    relative += share * (Math.expm1(offBy(one)) + expError(distance));
  }
  const ofSum = relative / sum + gamma(terms.length);
  return values.map((one) => {
    if (one.excluded) return { score: -Infinity, error: 0 };
    const score = sharpness * (one.value - top.value) - Math.log(sum);
    return { score, error: 1.001 * (offBy(one) + ofSum + logError(sum) + UNIT * Math.abs(score)) };
  });
}
