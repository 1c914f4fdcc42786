/** Where drafts part ways, as a tree: what they have in common is one node, however many words long. */
import type { Draft, TreeSnapshot } from "coppice";

interface Branch {
  readonly words: string[];
  readonly children: Branch[];
}

/** `stump`: what they all follow. The path is the first draft's. */
export function treeOfDrafts(drafts: readonly Draft[], stump: string): TreeSnapshot {
  const root: Branch = { words: [stump.match(/\s*\S+\s*$/)?.[0] ?? ""], children: [] };
  for (const { text } of drafts) grow(root, text.match(/\s*\S+/g) ?? []);
  const parents: number[] = [];
  const depths: number[] = [];
  const texts: string[] = [];
  const path: number[] = [];
  const place = (branch: Branch, parent: number, depth: number, isFirst: boolean): void => {
    const node = parents.length;
    parents.push(parent);
    depths.push(depth);
    texts.push(branch.words.join(""));
    if (isFirst) path.push(node);
    branch.children.forEach((child, i) => place(child, node, depth + 1, isFirst && i === 0));
  };
  place(root, -1, 0, true);
  const zeros = parents.map(() => 0);
  return { tokens: zeros, parents, depths, scores: zeros, texts, path };
}

/** Adds a text below a branch, which is split where the two differ. */
function grow(below: Branch, words: readonly string[]): void {
  if (words.length === 0) return;
  const child = below.children.find((other) => other.words[0] === words[0]);
  if (!child) {
    below.children.push({ words: [...words], children: [] });
    return;
  }
  const same = child.words.findIndex((word, i) => word !== words[i]);
  const shared = same < 0 ? child.words.length : same;
  const rest = child.words.splice(shared);
  if (rest.length > 0)
    child.children.splice(0, Infinity, { words: rest, children: [...child.children] });
  grow(child, words.slice(shared));
}
