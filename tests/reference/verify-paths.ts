import {
  at,
  Decisions,
  exactly,
  massOf,
  normalised,
  pathTo,
  positivePart,
  probabilities,
  product,
  UNIT,
  without,
  type RejectionRound,
  type Rounded,
  type Shares,
  type Verdict,
} from "./rejection.ts";

export interface PathsRound extends RejectionRound {
  /** Nodes of one depth stand side by side: path k's at depth d is 1 + (d - 1) paths + k. */
  readonly paths: number;
}

export type PathRule = "specinfer" | "spectr";

/** A residual of less mass than this is rounding, and the draw that left it counts as accepted. */
const NOTHING = 2 ** -22;

/** Walks down with all paths that agree so far. */
export function verifyPaths(round: PathsRound, rule: PathRule): Verdict {
  const decisions = new Decisions(round);
  let agreeing = Array.from({ length: round.paths }, (_, k) => k);
  for (let depth = 0; ; depth++) {
    const nodeAt = (path: number, d: number) => (d === 0 ? 0 : 1 + (d - 1) * round.paths + path);
    const node = nodeAt(agreeing[0]!, depth);
    const path = pathTo(round, node);
    const ending = { path, leaf: nodeAt(0, depth + 1) >= round.tokens.length };
    if (ending.leaf) {
      const token = decisions.drawFromLogs(node, round.target[node]!);
      return { ...ending, token, doubtful: decisions.doubtful };
    }
    const p = probabilities(round.target[node]!);
    const q = probabilities(round.draft[node]!);
    const draws = agreeing.map((k) => nodeAt(k, depth + 1));
    const { child, left } = (rule === "spectr" ? spectr : specinfer)(round, draws, p, q, decisions);
    if (child === undefined) {
      return { ...ending, token: decisions.draw(node, left!), doubtful: decisions.doubtful };
    }
    const isSame = (k: number) => round.tokens[nodeAt(k, depth + 1)] === round.tokens[child];
    agreeing = agreeing.filter(isSame);
  }
}

/** The draw that was accepted, or what is left of the target. */
interface Level {
  readonly child?: number;
  readonly left?: Shares;
}

type LevelRule = (
  round: PathsRound,
  draws: readonly number[],
  p: Shares,
  q: Shares,
  decisions: Decisions,
) => Level;

const specinfer: LevelRule = ({ tokens }, draws, p, q, decisions) => {
  let left = p;
  for (const child of draws) {
    const token = tokens[child]!;
    const share = at(left, token);
    if (decisions.isLess(product(decisions.uniform(child), at(q, token)), share)) return { child };
    const rest = without(positivePart(left, q), token);
    const mass = massOf(rest);
    if (share.value > 0 && decisions.isLess(mass, exactly(NOTHING))) return { child };
    left = mass.value > 0 ? normalised(rest, mass) : rest;
  }
  return { left };
};

const spectr: LevelRule = ({ tokens }, draws, p, q, decisions) => {
  const rho = draws.length > 1 ? solveRho(p, q, draws.length) : exactly(1);
  for (const child of draws) {
    const token = tokens[child]!;
    const claim = product(product(decisions.uniform(child), rho), at(q, token));
    if (decisions.isLess(claim, at(p, token))) return { child };
  }
  const looks = looksAt(acceptedAt(p, q, rho), draws.length);
  const taken = takenAt(p, q, rho);
  const scale = (x: Rounded) => product(x, looks);
  const values = new Float64Array(p.values.length);
  const errors = new Float64Array(p.values.length);
  for (let token = 0; token < values.length; token++) {
    const { value, error } = scale(at(taken, token));
    values[token] = value;
    errors[token] = error;
  }
  return { left: positivePart(p, { values, errors }) };
};

/** min(q, p / rho): how often one draw is accepted with each token. */
function takenAt(p: Shares, q: Shares, rho: Rounded): Shares {
  const values = p.values.map((x, token) => Math.min(q.values[token]!, x / rho.value));
  const errors = p.errors.map((error, token) => {
    const share = p.values[token]! / rho.value;
    const own = (error + share * rho.error) / (rho.value - Math.min(rho.error, 0.9 * rho.value));
    return Math.max(q.errors[token]!, own + 3 * UNIT * share);
  });
  return { values, errors };
}

function acceptedAt(p: Shares, q: Shares, rho: Rounded): Rounded {
  const { value, error } = massOf(takenAt(p, q, rho));
  return { value: Math.min(1, value), error };
}

/** The draws looked at until one is accepted or there are no more: the sum of (1 - b)^k. */
function looksAt(accepted: Rounded, count: number): Rounded {
  const rejected = (b: number) => 1 - Math.min(1, Math.max(0, b));
  const sum = (b: number) =>
    Array.from({ length: count }).reduce<number>((total) => 1 + total * rejected(b), 0);
  const value = sum(accepted.value);
  const [low, high] = [accepted.value + accepted.error, accepted.value - accepted.error].map(sum);
  // Each step passes an error on as it passes the sum on, and rounds three times.
  let rounding = 0;
  for (let k = 0; k < count; k++) rounding = rounding * rejected(accepted.value) + 3 * UNIT * high!;
  return { value, error: Math.max(high! - value, value - low!) + rounding };
}

/** rho in [1, K] with looks = rho; and as its error, how far from there rounding can hide on which side one is. */
function solveRho(p: Shares, q: Shares, count: number): Rounded {
  const bisect = (shift: number) => {
    let [low, high] = [1, count];
    for (let i = 0; i < 45; i++) {
      const rho = (low + high) / 2;
      const looks = looksAt(acceptedAt(p, q, exactly(rho)), count);
      if (looks.value + shift * looks.error > rho) low = rho;
      else high = rho;
    }
    return high;
  };
  const [low, value, high] = [bisect(-1), bisect(0), bisect(1)];
  return { value, error: Math.max(value - low, high - value) + count * 2 ** -28 };
}
