import { DRAFT_NOISE, drawPlace, gumbel } from "./noise.ts";

export interface DrawPaths {
  vocab: number;
  frontierStart: number;
  /** 1: path j stands at node frontierStart + j; 0: all at the same. */
  step: number;
  levelStart: number;
}

/** A path's columns by perturbed log-probability, best first; those of probability 0 are left out. */
export function perturbedColumns(
  logProbs: ArrayLike<number>,
  { vocab, frontierStart, step, levelStart }: DrawPaths,
  { seed, base }: { seed: number; base: number },
  path: number,
): { token: number; perturbed: number }[] {
  const row = (frontierStart - 1 + step * path) * vocab;
  const place = drawPlace(base, levelStart + path);
  return Array.from({ length: vocab }, (_, token) => ({
    token,
    perturbed: logProbs[row + token]! + gumbel(seed, DRAFT_NOISE, place, token),
  }))
    .filter(({ perturbed }) => perturbed > -Infinity)
    .sort((a, b) => b.perturbed - a.perturbed || a.token - b.token);
}
