/** How much of the draft's misses a tree of a given size still suffers, level by level. */
import type { TreeSize } from "./arms.ts";

/**
 * After k guesses the target's token is still missing with probability `miss / k ** POWER`: the power law of
 * acceptance by branch (Sequoia, arXiv 2402.12374, section 3.1, "b power-law acceptance rate"). 1 is what drafts of half
 * the target's size and less come near; an arm that differs has a factor of its own.
 */
const POWER = 1;

/** The steps that `miss` is rounded to, so that a tree is laid out once for all that are nearly alike. */
const STEPS = 20;

const known = new WeakMap<TreeSize, (readonly number[] | undefined)[]>();

/**
 * Per level 1..depth, the probability that a path which came this far ends here, as a share of `miss`: below 1 where
 * siblings catch what the first guess missed, above 1 where the tree has no node left to catch it with.
 *
 * The tree is the best one for this power law: nodes in order of path probability until the budget is spent. That is
 * the optimum of Sequoia's dynamic program (section 3.2) under a cap on depth, because a node's probability is below
 * both its parent's and its elder sibling's.
 * @param miss Probability that the draft's first guess is wrong, 0..1.
 */
export function levelExposure(size: TreeSize, miss: number): readonly number[] {
  const step = Math.max(1, Math.min(STEPS - 1, Math.round(miss * STEPS)));
  let steps = known.get(size);
  if (steps === undefined) known.set(size, (steps = []));
  return (steps[step] ??= layOut(size, step / STEPS));
}

interface Slot {
  readonly depth: number;
  /** Place among its siblings, from 0. */
  readonly rank: number;
  readonly parent: number;
  readonly probability: number;
}

function layOut({ nodes, depth, width }: TreeSize, miss: number): number[] {
  const gain = (rank: number): number =>
    rank === 0 ? 1 - miss : miss * (rank ** -POWER - (rank + 1) ** -POWER);
  const reached = Array.from({ length: depth + 1 }, () => 0);
  const kept = Array.from({ length: depth + 1 }, () => 0);
  const heap: Slot[] = [{ depth: 0, rank: 0, parent: 1, probability: 1 }];
  for (let count = 0; count < nodes && heap.length > 0;) {
    let best = 0;
    for (let i = 1; i < heap.length; i++) {
      if (heap[i]!.probability > heap[best]!.probability) best = i;
    }
    const [slot] = heap.splice(best, 1) as [Slot];
    // A level that is full keeps what it has: the draft's passes have `width` rows.
    if (slot.depth > 0 && kept[slot.depth]! >= width) continue;
    kept[slot.depth]! += 1;
    reached[slot.depth]! += slot.probability;
    count += 1;
    const { depth: level, rank, parent, probability } = slot;
    if (level > 0)
      heap.push({ depth: level, rank: rank + 1, parent, probability: parent * gain(rank + 1) });
    if (level < depth)
      heap.push({
        depth: level + 1,
        rank: 0,
        parent: probability,
        probability: probability * gain(0),
      });
  }
  return reached
    .slice(1)
    .map((here, i) => (reached[i]! > 0 ? (1 - here / reached[i]!) / miss : 1 / miss));
}
