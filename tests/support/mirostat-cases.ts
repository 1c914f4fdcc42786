// Trees and rows for verify-mirostat: drafts that foresee most of what is drawn, and a few rows that bite.
import { type RowFacts, surpriseRow } from "../reference/surprise-rows.ts";
import type { ReferenceTree } from "../reference/token-tree.ts";
import { type MirostatSettings, mirostatStep } from "../reference/verify-mirostat.ts";
import { normals, uniforms } from "./random.ts";
import { randomParents, SHAPES, treeOf } from "./token-trees.ts";

export interface MirostatCase {
  readonly tree: ReferenceTree;
  readonly rows: readonly Float32Array<ArrayBuffer>[];
  readonly facts: readonly RowFacts[];
  readonly settings: MirostatSettings;
  readonly base: number;
  readonly seed: number;
  readonly round: number;
  /** Before the round. */
  readonly mu: number;
}

const SETTINGS: MirostatSettings = {
  version: 2,
  truncated: false,
  temperature: 1,
  tau: 3,
  eta: 1,
  bounds: [0, 7],
  ratios: 0,
  rounding: 0.5,
};

/** Both versions and both feedbacks, with other numbers now and then. */
export function settingsOf(i: number): MirostatSettings {
  const version = i % 2 ? 1 : 2;
  const truncated = i % 4 > 1;
  return {
    ...SETTINGS,
    version,
    truncated,
    ratios: version === 1 ? [100, 99][Number(truncated)]! : 0,
    rounding: truncated ? 0 : 0.5,
    temperature: Math.fround([1, 0.7, 2][i % 3]!),
    eta: Math.fround([1, 0.1, 0.3][(i >> 2) % 3]!),
    tau: [3, 0.5, 5][(i >> 3) % 3]!,
    bounds: i % 5 === 4 ? [1, 3] : [0, 7],
  };
}

function rowOf(vocab: number, kind: number, seed: number): Float32Array<ArrayBuffer> {
  const normal = normals(seed);
  return Float32Array.from({ length: vocab }, (_, c) => {
    if (kind === 0) return 3;
    if (kind === 1) return c === seed % vocab ? 90 : normal();
    if (kind === 2) return c % 3 === 0 ? -Infinity : 2 * normal();
    if (kind === 3) return Math.round(2 * normal());
    if (kind === 4) return c === 1 ? -50 : -Infinity;
    if (kind === 5) return -1.2 * Math.log(1 + ((c * 7 + seed) % vocab)) + 0.1 * normal();
    return 4 * normal();
  });
}

/** A tree in which the token drawn at a node is that of some child with chance `agreement`. */
export function randomCase(parents: readonly number[], i: number, vocab = 53): MirostatCase {
  const next = uniforms(i);
  const settings = settingsOf(i);
  const tree = treeOf(parents, vocab, next);
  const rows = tree.tokens.map((_, node) => rowOf(vocab, Math.floor(next() * 14), 977 * i + node));
  const facts = rows.map((row) => surpriseRow(row, settings.temperature, settings.ratios));
  const [base, seed, round] = [0, 0, 0].map(() => Math.floor(next() * 1000));
  const start = Math.fround(
    settings.bounds[0] + next() * (settings.bounds[1] - settings.bounds[0]),
  );
  const agreement = i % 2 === 0 ? 1 : 0.5 + 0.5 * next();
  // mu at a node, on the path that the tokens drawn take to it; a node off that path has none.
  const mus = new Map<number, number>([[0, start]]);
  for (const [node, mu] of mus) {
    const children = parents.flatMap((parent, child) => (parent === node ? [child] : []));
    if (children.length === 0 || next() > agreement) continue;
    const place = { seed: seed!, position: base! + tree.depths[node]! + 1 };
    const step = mirostatStep(rows[node]!, facts[node]!, mu, place, settings);
    const child = children[Math.floor(next() * children.length)]!;
    tree.tokens[child] = step.token;
    mus.set(child, step.mu);
  }
  return { tree, rows, facts, settings, base: base!, seed: seed!, round: round!, mu: start };
}

export function mirostatCases(): MirostatCase[] {
  const shaped = Object.values(SHAPES).flatMap((parents, i) =>
    Array.from({ length: 6 }, (_, j) => randomCase(parents, 100 * i + j)),
  );
  const random = Array.from({ length: 72 }, (_, i) => {
    const next = uniforms(9000 + i);
    return randomCase(randomParents(1 + Math.floor(next() * 64), next(), next), 7000 + i);
  });
  return [...shaped, ...random];
}
