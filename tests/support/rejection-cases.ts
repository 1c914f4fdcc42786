// Rounds for the rules that reject: trees of tokens drawn from a draft's rows.
import type { RejectionRound } from "../reference/rejection.ts";
import { addNode, emptyTree, type ReferenceTree } from "../reference/token-tree.ts";
import { normals, uniforms } from "./random.ts";

type Row = Float32Array<ArrayBuffer>;
/** Log-probabilities after a node. */
export interface Rows {
  readonly target: Row;
  readonly draft: Row;
}

/** How target and draft are related: logits, -infinity where a token is excluded. */
type Relation = (vocab: number, normal: () => number, next: () => number) => [number[], number[]];

const logits = (vocab: number, normal: () => number) =>
  Array.from({ length: vocab }, () => 2 * normal());
const kept = (row: readonly number[], keep: (token: number) => boolean) =>
  row.map((x, token) => (keep(token) ? x : -Infinity));
const one = (vocab: number, next: () => number) => Math.floor(next() * vocab);

export const RELATIONS = {
  alike: (vocab, normal) => {
    const p = logits(vocab, normal);
    return [p, p.map((x) => x + normal())];
  },
  unlike: (vocab, normal) => [logits(vocab, normal), logits(vocab, normal)],
  equal: (vocab, normal) => {
    const p = logits(vocab, normal);
    return [p, p];
  },
  "some excluded": (vocab, normal, next) => {
    const [keepP, keepQ] = [one(vocab, next), one(vocab, next)];
    const p = kept(logits(vocab, normal), (token) => token === keepP || next() < 0.5);
    return [p, kept(logits(vocab, normal), (token) => token === keepQ || next() < 0.5)];
  },
  "few in the draft": (vocab, normal, next) => {
    const first = one(vocab, next);
    const p = logits(vocab, normal);
    return [p, kept(p, (token) => (token - first + vocab) % vocab < 2)];
  },
  disjoint: (vocab, normal) => [
    kept(logits(vocab, normal), (token) => token % 2 === 0),
    kept(logits(vocab, normal), (token) => token % 2 === 1),
  ],
  "one-hot target": (vocab, normal, next) => {
    const only = one(vocab, next);
    return [kept(logits(vocab, normal), (token) => token === only), logits(vocab, normal)];
  },
  "one-hot draft": (vocab, normal, next) => {
    const only = one(vocab, next);
    return [logits(vocab, normal), kept(logits(vocab, normal), (token) => token === only)];
  },
  // The draft's one token is the target's, but for one of a probability that f32 does not see beside 1.
  "all but equal": (vocab, _, next) => {
    const [first, second] = [one(vocab, next), one(vocab, next)];
    const p = Array.from({ length: vocab }, (__, token) => (token === first ? 0 : -Infinity));
    return [p, p.map((x, token) => (token === second ? Math.max(x, -20) : x))];
  },
} as const satisfies Record<string, Relation>;

export type RelationName = keyof typeof RELATIONS;
export const RELATION_NAMES = Object.keys(RELATIONS) as RelationName[];

export function rowsOf(relation: RelationName, vocab: number, seed: number): Rows {
  const [target, draft] = RELATIONS[relation](vocab, normals(seed), uniforms(seed + 1));
  return { target: logSoftmax(target), draft: logSoftmax(draft) };
}

export function logSoftmax(row: readonly number[]): Row {
  const top = row.reduce((a, b) => Math.max(a, b), -Infinity);
  const sum = row.reduce((total, x) => total + Math.exp(x - top), 0);
  return Float32Array.from(row, (x) => (x === -Infinity ? x : x - top - Math.log(sum)));
}

/** One round of one rule. */
export interface RejectionCase extends RejectionRound {
  readonly name: string;
  readonly tree: ReferenceTree;
  readonly target: readonly Row[];
  readonly draft: readonly Row[];
  readonly vocab: number;
  readonly round: number;
}

/** Draws a token from log-probabilities, `taken` left out; any token at all where nothing is left. */
export function drawToken(row: Row, taken: ReadonlySet<number>, next: () => number): number {
  const weight = (token: number) => (taken.has(token) ? 0 : Math.exp(row[token]!));
  let total = 0;
  for (let token = 0; token < row.length; token++) total += weight(token);
  let left = next() * total;
  let last: number | undefined;
  for (let token = 0; token < row.length; token++) {
    if (weight(token) === 0) continue;
    last = token;
    left -= weight(token);
    if (left < 0) break;
  }
  return last ?? Math.floor(next() * row.length);
}

/**
 * A tree of this shape whose siblings are drawn without replacement; or, to see what a rule does with a tree that it is
 * not made for, of tokens that nobody drew.
 */
export function distinctCase(
  parents: readonly number[],
  vocab: number,
  relation: RelationName,
  seed: number,
  tokens: "drawn" | "any" = "drawn",
): RejectionCase {
  const next = uniforms(seed);
  const rows = parents.map((_, i) => rowsOf(relation, vocab, 1000 * seed + 2 * i));
  const tree = emptyTree();
  const siblings = parents.map(() => new Set<number>());
  for (const parent of parents) {
    const taken = tokens === "drawn" ? siblings[parent] : undefined;
    const token = taken ? drawToken(rows[parent]!.draft, taken, next) : one(vocab, next);
    taken?.add(token);
    addNode(tree, { token, parent });
  }
  const name = `${parents.length} nodes of ${vocab}, ${relation}, ${tokens}, ${seed}`;
  return caseOf(name, tree, rows, next);
}

interface CaseOptions {
  readonly relations?: readonly RelationName[];
  readonly tokens?: "drawn" | "any";
  readonly times?: number;
}

/** Every shape, vocabulary and relation, so many times. */
export function distinctCases(
  shapes: readonly (readonly number[])[],
  vocabs: readonly number[],
  options: CaseOptions = {},
): RejectionCase[] {
  return eachCase(shapes, vocabs, options, distinctCase);
}

function eachCase<Shape, Case>(
  shapes: readonly Shape[],
  vocabs: readonly number[],
  { relations = RELATION_NAMES, tokens = "drawn", times = 1 }: CaseOptions,
  make: (
    shape: Shape,
    vocab: number,
    relation: RelationName,
    seed: number,
    tokens: "drawn" | "any",
  ) => Case,
): Case[] {
  let seed = 1;
  return Array.from({ length: times }).flatMap(() =>
    shapes.flatMap((shape) =>
      vocabs.flatMap((vocab) =>
        relations.map((relation) => make(shape, vocab, relation, (seed += 1), tokens)),
      ),
    ),
  );
}

/** Paths of tokens drawn independently; those that agree have the same rows. */
export interface PathsCase extends RejectionCase {
  readonly paths: number;
}

export function pathsCase(
  [paths, length]: readonly [number, number],
  vocab: number,
  relation: RelationName,
  seed: number,
  tokens: "drawn" | "any" = "drawn",
): PathsCase {
  const next = uniforms(seed);
  const known = new Map<string, Rows>();
  const rows: Rows[] = [];
  const tree = emptyTree();
  for (let node = 0; node <= paths * length; node++) {
    const parent = node === 0 ? -1 : Math.max(0, node - paths);
    const any = node === 0 || tokens === "any";
    const token = any ? one(vocab, next) : drawToken(rows[parent]!.draft, new Set(), next);
    addNode(tree, { token, parent });
    const prefix = `${tree.ancestors[node]!.map((ancestor) => tree.tokens[ancestor])}`;
    const own = known.get(prefix) ?? rowsOf(relation, vocab, 1000 * seed + 2 * node);
    known.set(prefix, own);
    rows.push(own);
  }
  const name = `${paths} paths of ${length} of ${vocab}, ${relation}, ${tokens}, ${seed}`;
  return { ...caseOf(name, tree, rows, next), paths };
}

/** Every shape (paths and their length), vocabulary and relation, so many times. */
export function pathsCases(
  shapes: readonly (readonly [number, number])[],
  vocabs: readonly number[],
  options: CaseOptions = {},
): PathsCase[] {
  return eachCase(shapes, vocabs, options, pathsCase);
}

export function caseOf(
  name: string,
  tree: ReferenceTree,
  rows: readonly Rows[],
  next: () => number,
): RejectionCase {
  return {
    name,
    tree,
    tokens: tree.tokens,
    parents: tree.parents,
    vocab: rows[0]!.target.length,
    target: rows.map(({ target }) => target),
    draft: rows.map(({ draft }) => draft),
    seed: Math.floor(next() * 2 ** 32),
    base: Math.floor(next() * 5000),
    round: Math.floor(next() * 50),
  };
}

/** The same round where the target's rows have no token at all, as those of NaN logits. */
export function withoutTokens<Case extends RejectionCase>(one: Case): Case {
  return { ...one, target: one.target.map((row) => Float32Array.from(row, () => -Infinity)) };
}
