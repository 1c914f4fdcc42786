// RSD-S (arXiv 2402.14160): the tree of a stochastic beam search, by its exact law.
//
// The search perturbs the log-probability of each of the V^L texts with Gumbel noise, in effect: a prefix
// counts as much as its best text, and the beam of level l is the best `width` prefixes of length l (Kool
// et al., arXiv 1903.06059). Texts sorted by perturbed log-probability are a Plackett-Luce ranking:
// drawn one after another without replacement, in proportion to their probability. A prefix is as good as its
// first text in that ranking, so the beam of level l is the first `width` distinct l-prefixes in order of
// first appearance, and it holds the parents of the beam below.
//
// Nor need all V^L texts be ranked. Gumbel noise ranks as exponential clocks run, and a clock that has not
// rung has no memory: whatever was ranked so far, which prefix is the next *new* one goes by probability among
// the prefixes not seen. So: draw `width` texts; then, level by level upwards, complete each beam with new prefixes.
import type { Chance } from "./chance.ts";
import { leafAt, type DraftNode, type GrowTree } from "./draft-tree.ts";
import { textAt, type Model } from "./law.ts";

export function rsdS(width: number, depth: number): GrowTree {
  return (chance, { draft, vocab }) => treeOf(drawBeams(chance, draft, vocab, width, depth), vocab);
}

/** `beams[l]` holds prefixes of length l as base-`vocab` numbers, best first; `beams[0]` is the root alone. */
function drawBeams(chance: Chance, draft: Model, vocab: number, width: number, depth: number) {
  const beams: number[][] = Array.from({ length: depth + 1 }, () => []);
  const laws = prefixLaws(draft, vocab, depth);
  for (let level = depth; level >= 1; level--) {
    const unseen = [...laws[level]!];
    for (const prefix of beams[level]!) unseen[prefix] = 0;
    while (beams[level]!.length < width && unseen.some((mass) => mass > 0)) {
      const prefix = chance.draw(unseen);
      unseen[prefix] = 0;
      appear(beams, prefix, level, vocab);
    }
  }
  return beams;
}

/** Notes a prefix and its beginnings where they are new. */
function appear(beams: number[][], prefix: number, level: number, vocab: number): void {
  for (; level >= 0; level--, prefix = Math.floor(prefix / vocab)) {
    if (!beams[level]!.includes(prefix)) beams[level]!.push(prefix);
  }
}

/** The draft's probability of every prefix, by length. */
function prefixLaws(draft: Model, vocab: number, depth: number): number[][] {
  const laws = [[1]];
  for (let level = 0; level < depth; level++) {
    laws.push(
      laws[level]!.flatMap((mass, prefix) =>
        mass === 0
          ? Array.from({ length: vocab }, () => 0)
          : draft(textAt(prefix, vocab, level)).map((q) => mass * q),
      ),
    );
  }
  return laws;
}

/** Children in their beam's order, best first: that is the order in which they count as drawn. */
function treeOf(beams: readonly number[][], vocab: number): DraftNode {
  const root = leafAt([]);
  let above = new Map([[0, root]]);
  for (const [level, beam] of beams.entries()) {
    if (level === 0) continue;
    const nodes = new Map(beam.map((prefix) => [prefix, leafAt(textAt(prefix, vocab, level))]));
    for (const [prefix, node] of nodes) above.get(Math.floor(prefix / vocab))!.children.push(node);
    above = nodes;
  }
  return root;
}
