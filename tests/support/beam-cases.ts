// Levels of stochastic beams that bite, and the intervals in which beam-scores' results must be.
import type { beamScores } from "../reference/beam-scores.ts";
import { log1mexp } from "../reference/beam-scores.ts";
import { DRAFT_NOISE, drawPlace, gumbel, randomBits, TOKEN_NOISE } from "../reference/noise.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { normals, uniforms } from "./random.ts";
import { expError, gumbelRange, logError, UNIT } from "./tolerance.ts";

export const STATE = { seed: 99, base: 54 };

export interface BeamCase {
  tree: ReferenceTree;
  /** `[nodes - 1, vocab]`: the root, node 1, has row 0. */
  logProbs: Float32Array<ArrayBuffer>;
  /** In the order of g, row by row. */
  tokens: number[];
  vocab: number;
  frontierStart: number;
  frontierCount: number;
  k: number;
  shared: boolean;
}

interface Shape {
  vocab: number;
  frontier: number;
  k: number;
  /** Levels between the root and the frontier, beyond the first. */
  depth: number;
  /** Of the logits. */
  spread: number;
}

/** log-probabilities in f32; some columns excluded. */
function logRow(vocab: number, spread: number, normal: () => number, next: () => number): number[] {
  const row = Array.from({ length: vocab }, () => (next() < 0.1 ? -Infinity : spread * normal()));
  const top = Math.max(...row, -1e30);
  const sum = row.reduce((total, x) => total + Math.exp(x - top), 0);
  return row.map((x) => Math.fround(Math.min(0, x - top - Math.log(sum))));
}

/** A chain below the root, then a frontier whose scores are at most 0, as a beam's are; some nodes are excluded. */
function makeCase(
  { vocab, frontier, k, depth, spread }: Shape,
  seed: number,
  shared: boolean,
): BeamCase {
  const [next, normal] = [uniforms(seed), normals(seed)];
  const tree = emptyTree();
  const token = () => Math.floor(next() * vocab);
  addNode(tree, { token: token(), parent: -1 });
  addNode(tree, { token: token(), parent: 0 });
  for (let d = 0; d < depth; d++) addNode(tree, { token: token(), parent: 1 + d, score: -0.1 * d });
  const frontierStart = depth === 0 && frontier === 1 ? 1 : tree.tokens.length;
  for (let f = tree.tokens.length; f < frontierStart + frontier; f++) {
    const score = next() < 0.1 ? -3e38 : Math.fround(-Math.abs(normal()) * spread);
    addNode(tree, { token: token(), parent: 1 + depth, score });
  }
  const rows = tree.tokens.length - 1;
  const logs = Array.from({ length: rows }, () => logRow(vocab, spread, normal, next));
  // A path cannot lead through a token of probability 0.
  tree.tokens.forEach((at, node) => {
    const parent = tree.parents[node]!;
    if (parent >= 1 && logs[parent - 1]![at] === -Infinity) logs[parent - 1]![at] = -30;
  });
  if (frontier > 3) logs[frontierStart]!.fill(-Infinity);
  const tokens = Array.from({ length: frontier }, (_, f) => {
    const node = frontierStart + f;
    const noise = (id: number) =>
      shared
        ? gumbel(STATE.seed, TOKEN_NOISE, STATE.base + tree.depths[node]!, id)
        : gumbel(STATE.seed, DRAFT_NOISE, drawPlace(STATE.base, node), id);
    const perturbed = logs[node - 1]!.map((log, id) => (log > -Infinity ? log + noise(id) : -1e38));
    const order = perturbed.map((_, id) => id).sort((a, b) => perturbed[b]! - perturbed[a]!);
    return order.slice(0, k);
  }).flat();
  const logProbs = Float32Array.from(logs.flat());
  const size = { vocab, frontierStart, frontierCount: frontier, k };
  return { tree, logProbs, tokens, shared, ...size };
}

const SHAPES: Record<string, Shape> = {
  "the root": { vocab: 64, frontier: 1, k: 8, depth: 0, spread: 2 },
  "the whole vocabulary": { vocab: 5, frontier: 8, k: 5, depth: 2, spread: 2 },
  "64 of a row": { vocab: 257, frontier: 2, k: 64, depth: 5, spread: 1 },
  "one per row": { vocab: 3, frontier: 50, k: 1, depth: 1, spread: 1 },
  "near certainty": { vocab: 32, frontier: 12, k: 8, depth: 3, spread: 30 },
  "far spread": { vocab: 32, frontier: 12, k: 8, depth: 9, spread: 3000 },
  "nearly uniform": { vocab: 4096, frontier: 7, k: 7, depth: 7, spread: 0.01 },
};

export const manyCases = (seeds: number): [string, BeamCase][] =>
  Object.entries(SHAPES).flatMap(([name, shape]) =>
    Array.from({ length: seeds }, (_, seed): [string, BeamCase] => [
      name,
      makeCase(shape, 1 + seed, seed % 2 === 0),
    ]),
  );

/** The interval that psi - T must be in. The formula rises with g, so the ends of the intervals suffice. */
export function scoreRange(
  one: BeamCase,
  f: number,
  j: number,
  wanted: ReturnType<typeof beamScores>[number],
) {
  const node = one.frontierStart + f;
  const [purpose, place] = one.shared
    ? [TOKEN_NOISE, STATE.base + one.tree.depths[node]!]
    : [DRAFT_NOISE, drawPlace(STATE.base, node)];
  const perturbed = (token: number) => {
    const log = one.logProbs[(node - 1) * one.vocab + token]!;
    const [low, high] = gumbelRange(randomBits(STATE.seed, purpose, place, token));
    const rounding = UNIT * Math.max(Math.abs(log + low), Math.abs(log + high));
    return [log + low - rounding, log + high + rounding] as const;
  };
  const own = perturbed(one.tokens[f * one.k + j]!);
  const first = perturbed(one.tokens[f * one.k]!);
  const { parent, phi } = wanted;
  const ends = [own[0] - first[1], own[1] - first[0]].map((below, end) => {
    // A difference of nearly nothing may vanish, and the score is 0 then.
    const a = Math.min(below * (1 + (end ? -1 : 1) * UNIT), 0);
    if (a >= 0) return 0;
    const g = phi + own[end]!;
    const depth = one.tree.depths[node]! + 3;
    const roundings = UNIT * depth * (Math.abs(parent) + Math.abs(phi) + Math.abs(g));
    // The series leaves out a^5 / 720; 1 - exp(a) errs by exp's error over what is left.
    const rest = -Math.expm1(a);
    const relative =
      a > -0.25
        ? Math.abs(a) ** 5 / 700 + 3 * UNIT
        : (expError(Math.max(a, -80)) * (1 - rest) + UNIT) / rest;
    const inner = Math.max(logError(rest), logError(rest * (1 + relative)), 2 ** -21);
    const log = log1mexp(a);
    const v = parent - g + log;
    const error = roundings + relative + inner + UNIT * (Math.abs(v) + Math.abs(log));
    const worst = v + (end ? -1 : 1) * error;
    const score = -Math.max(0, worst) - Math.log1p(Math.exp(-Math.abs(worst)));
    return score + (end ? 1 : -1) * (2 ** -21 + 4 * UNIT + 2 * UNIT * Math.abs(score));
  });
  return [ends[0]!, Math.min(ends[1]!, 0)] as const;
}

/** Rows whose candidates beyond the first are all but equal, so that rounding may turn them around. */
export function nearlyTied(): BeamCase {
  const one = makeCase({ vocab: 257, frontier: 3, k: 64, depth: 1, spread: 1 }, 3, true);
  one.tokens.forEach((token, i) => {
    const node = one.frontierStart + Math.floor(i / one.k);
    const noise = gumbel(STATE.seed, TOKEN_NOISE, STATE.base + one.tree.depths[node]!, token);
    const j = i % one.k;
    one.logProbs[(node - 1) * one.vocab + token] = (j > 0 ? -1 - j * 1e-7 : 0) - noise;
  });
  return one;
}
