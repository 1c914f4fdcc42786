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
  without,
  type RejectionRound,
  type Verdict,
} from "./rejection.ts";

/** A residual of less mass than this is rounding, and the child that left it counts as accepted. */
const NOTHING = 2 ** -22;

/** Each child was drawn from the draft without its elder siblings; what they claim of the target is taken off it. */
export function verifyRecursive(round: RejectionRound): Verdict {
  const decisions = new Decisions(round);
  let node = 0;
  for (;;) {
    const next = visitChildren(round, node, decisions);
    if (next.child === undefined) {
      const leaf = childrenOf(round, node).length === 0;
      return { path: pathTo(round, node), token: next.token, leaf, doubtful: decisions.doubtful };
    }
    node = next.child;
  }
}

function visitChildren(round: RejectionRound, node: number, decisions: Decisions) {
  const row = round.target[node]!;
  const children = childrenOf(round, node);
  if (children.length === 0) return { token: decisions.drawFromLogs(node, row) };
  let residual = probabilities(row);
  let draft = probabilities(round.draft[node]!);
  for (const child of children) {
    const token = round.tokens[child]!;
    const share = at(residual, token);
    const claim = product(decisions.uniform(child), at(draft, token));
    if (decisions.isLess(claim, share)) return { child };
    const left = without(positivePart(residual, draft), token);
    const mass = massOf(left);
    if (share.value > 0 && decisions.isLess(mass, exactly(NOTHING))) return { child };
    residual = normalised(left, mass);
    draft = without(draft, token);
    // Where nothing more could be drawn, no later child was.
    if (massOf(draft).value === 0 || mass.value === 0) break;
    draft = normalised(draft);
  }
  return { token: decisions.draw(node, residual) };
}
