import { DRAFT_NOISE, drawPlace, gumbel, TOKEN_NOISE } from "./noise.ts";
import type { ReferenceTree } from "./token-tree.ts";

const ROOT = 1;

export interface BeamScores {
  vocab: number;
  frontierStart: number;
  k: number;
  shared: boolean;
}

/** What a candidate's score is made of; `excluded` where it or its parent has probability 0. */
export interface BeamScore {
  excluded: boolean;
  /** The node's psi. */
  parent: number;
  /** log-probability of the path to the node, and of the candidate after it. */
  phi: number;
  logQ: number;
  /** g of the candidate and of the first of its row. */
  g: number;
  first: number;
  /** psi of the candidate less psi of its node. */
  score: number;
}

/** log(1 - exp(a)) for a < 0. */
export function log1mexp(a: number): number {
  return a > -Math.LN2 ? Math.log(-Math.expm1(a)) : Math.log1p(-Math.exp(a));
}

/** -log(e^-T - e^-Z + e^-g) - T, stably. */
export function truncatedBelow(parent: number, z: number, g: number): number {
  if (g >= z) return 0;
  const v = parent - g + log1mexp(g - z);
  return -Math.max(0, v) - Math.log1p(Math.exp(-Math.abs(v)));
}

/** The scores of row `f`'s candidates, given their tokens in the order of g. */
export function beamScores(
  tree: ReferenceTree,
  logProbs: ArrayLike<number>,
  tokens: readonly number[],
  { vocab, frontierStart, k, shared }: BeamScores,
  { seed, base }: { seed: number; base: number },
  f: number,
): BeamScore[] {
  const node = frontierStart + f;
  const logQ = (at: number, token: number) => logProbs[(at - ROOT) * vocab + token]!;
  const noise = (token: number) =>
    shared
      ? gumbel(seed, TOKEN_NOISE, base + tree.depths[node]!, token)
      : gumbel(seed, DRAFT_NOISE, drawPlace(base, node), token);
  let phi = 0;
  for (let at = node; at !== ROOT; at = tree.parents[at]!)
    phi += logQ(tree.parents[at]!, tree.tokens[at]!);
  const row = tokens.slice(f * k, (f + 1) * k);
  const parent = tree.scores[node]!;
  const first = phi + logQ(node, row[0]!) + noise(row[0]!);
  return row.map((token) => {
    const own = logQ(node, token);
    const g = phi + own + noise(token);
    const excluded = !(own > -Infinity) || !(parent > -3e38);
    const score = excluded ? -3e38 : truncatedBelow(parent, first, g);
    return { excluded, parent, phi, logQ: own, g, first, score };
  });
}
