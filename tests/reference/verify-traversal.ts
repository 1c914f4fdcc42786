import {
  at,
  childrenOf,
  Decisions,
  exactly,
  massOf,
  normalised,
  pathTo,
  positivePart,
  probabilities,
  product,
  ratio,
  scaled,
  UNIT,
  without,
  type RejectionRound,
  type Rounded,
  type Shares,
  type Verdict,
} from "./rejection.ts";

/** Judges leaves first; a node gets its turn when nothing below it was kept. */
export function verifyTraversal(round: RejectionRound): Verdict {
  const decisions = new Decisions(round);
  const kept = visit(round, 0, exactly(1), decisions)!;
  const leaf = childrenOf(round, kept.node).length === 0;
  return { path: pathTo(round, kept.node), token: kept.token, leaf, doubtful: decisions.doubtful };
}

interface Kept {
  readonly node: number;
  readonly token: number | undefined;
}

/** What is kept of a subtree that is entered with a share of the draft's mass there; undefined: nothing. */
function visit(
  round: RejectionRound,
  node: number,
  entered: Rounded,
  decisions: Decisions,
): Kept | undefined {
  const row = round.target[node]!;
  const children = childrenOf(round, node);
  let share = entered;
  let residual: Shares | undefined;
  if (children.length > 0) {
    residual = probabilities(row);
    let draft = probabilities(round.draft[node]!);
    for (const child of children) {
      const token = round.tokens[child]!;
      const claim = product(share, at(residual, token));
      const entering = childShare(claim, at(draft, token));
      const kept = entering.value > 0 && visit(round, child, entering, decisions);
      if (kept) return kept;
      const left = without(positivePart(scaled(residual, share), draft), token);
      const mass = massOf(left);
      share = shareOf(mass, share);
      // Where only the child's own token was left, it stays.
      residual = mass.value > 0 ? normalised(left, mass) : residual;
      draft = without(draft, token);
      if (massOf(draft).value === 0 || mass.value === 0) break;
      draft = normalised(draft);
    }
  }
  if (node > 0 && !decisions.isLess(decisions.uniform(node), share)) return undefined;
  const token = residual ? decisions.draw(node, residual) : decisions.drawFromLogs(node, row);
  return { node, token };
}

/** The share that a child is entered with: none where the draft cannot have drawn it. */
function childShare(claim: Rounded, drawn: Rounded): Rounded {
  if (drawn.value === 0) return drawn;
  const [least, most] = [claim.value - claim.error, drawn.value + drawn.error];
  if (least > 0 && least >= most) return exactly(1);
  return ratio(claim, drawn);
}

/** The mass Z that a rejection leaves, out of it and of what was not to be accepted anyway. */
function shareOf(mass: Rounded, share: Rounded): Rounded {
  if (share.value === 1 && share.error === 0) return share;
  const [least, most] = [Math.max(0, 1 - share.value - share.error), 1 - share.value + share.error];
  const at = (z: number, rest: number) => (z > 0 ? z / (z + rest) : 0);
  const value = at(mass.value, 1 - share.value);
  const low = at(mass.value - mass.error, most);
  const high = at(mass.value + mass.error, least);
  return { value, error: Math.max(high - value, value - low) + 6 * UNIT * high };
}

/**
 * Block verification of a chain by its own formula: with w_0 = 1 and w_i = min(1, w_(i-1) p(x_i) / q(x_i)), the longest
 * beginning is kept whose u < Z / (Z + 1 - w), Z the mass of the positive part of w p - q; the whole chain if u < w.
 */
export function verifyBlock(round: RejectionRound): Verdict {
  const decisions = new Decisions(round);
  const last = round.tokens.length - 1;
  const chance = (row: ArrayLike<number>) => Float64Array.from(row, Math.exp);
  const weights = [1];
  for (let i = 1; i <= last; i++) {
    const token = round.tokens[i]!;
    const [p, q] = [Math.exp(round.target[i - 1]![token]!), Math.exp(round.draft[i - 1]![token]!)];
    weights.push(p === 0 ? 0 : Math.min(1, (weights[i - 1]! * p) / q));
  }
  for (let kept = last; ; kept--) {
    const weight = weights[kept]!;
    const path = pathTo(round, kept);
    const u = decisions.uniform(kept).value;
    if (kept === last) {
      if (kept > 0 && u >= weight) continue;
      const token = decisions.drawFromLogs(kept, round.target[kept]!);
      return { path, token, leaf: true, doubtful: false };
    }
    const q = chance(round.draft[kept]!);
    const values = chance(round.target[kept]!).map((p, x) => Math.max(weight * p - q[x]!, 0));
    const mass = values.reduce((sum, x) => sum + x, 0);
    if (kept > 0 && (mass === 0 || u >= mass / (mass + 1 - weight))) continue;
    const token = decisions.draw(kept, { values, errors: values.map(() => 0) });
    return { path, token, leaf: false, doubtful: false };
  }
}
