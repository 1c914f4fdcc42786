// Texts, trees and edits that bite, for edit-rows and extend-history.
import type { Edits } from "../reference/edit-rows.ts";
import type { ReferenceTree } from "../reference/token-tree.ts";
import { uniforms } from "./random.ts";
import { randomParents, treeOf } from "./token-trees.ts";

export const NO_EDITS: Edits = {
  repetition: 1,
  presence: 0,
  frequency: 0,
  window: 0,
  noRepeatNgram: 0,
  minNewTokens: 0,
  biases: [],
  banned: [],
  forced: [],
};

export interface EditCase {
  readonly vocab: number;
  readonly edits: Edits;
  /** The committed text, the root's token included. */
  readonly text: readonly number[];
  readonly promptLength: number;
  readonly ends: readonly number[];
  /** The target's tree; the root's own token is not looked at. */
  readonly tree: ReferenceTree;
  readonly nodeStart: number;
}

/** Few tokens, so that they repeat; every option in some cases. */
export function randomEditCase(seed: number): EditCase {
  const next = uniforms(seed);
  const below = (count: number): number => Math.floor(next() * count);
  const vocab = [1, 2, 5, 70, 300][below(5)]!;
  const alphabet = Math.min(vocab, 1 + below(8));
  const length = 1 + below([3, 20, 400][below(3)]!);
  const text = Array.from({ length }, () => below(alphabet));
  const tree = treeOf(randomParents(1 + below(40), next(), next), alphabet, next);
  const some = <T>(value: T, otherwise: T): T => (next() < 0.5 ? value : otherwise);
  const ids = (count: number): number[] =>
    [...new Set(Array.from({ length: count }, () => below(vocab)))].sort((a, b) => a - b);
  const promptLength = 1 + below(length);
  const edits: Edits = {
    repetition: some(Math.fround(0.5 + 2 * next()), 1),
    presence: some(Math.fround(4 * next() - 2), 0),
    frequency: some(Math.fround(4 * next() - 2), 0),
    window: some(1 + below(2 * length), 0),
    noRepeatNgram: some(1 + below(4), 0),
    minNewTokens: some(below(length), 0),
    biases: some(ids(6), []).map((id) => [id, Math.fround(20 * next() - 10)] as const),
    banned: some(ids(4), []),
    forced: next() < 0.2 ? [[length - promptLength + below(3), below(vocab)]] : [],
  };
  const nodeStart = below(tree.tokens.length);
  return { vocab, edits, text, promptLength, ends: ids(3), tree, nodeStart };
}

/** The tokens after the root on the path to a node. */
export function pathTokens(tree: ReferenceTree, node: number): number[] {
  return node === 0 ? [] : [...pathTokens(tree, tree.parents[node]!), tree.tokens[node]!];
}
