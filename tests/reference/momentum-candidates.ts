export interface MomentumSettings {
  topK: number;
  alpha: number;
  /** f(1), f(2), ...; what would be longer is forbidden. */
  resistance: readonly number[];
}

export interface MomentumCandidate {
  token: number;
  /** Nats; -Infinity where the token is excluded. */
  logProbability: number;
}

/** In this order: what may be chosen, what is not among the most probable, what is forbidden, what has probability 0. */
export type Tier = 0 | 1 | 2 | 3;

export interface Judged extends MomentumCandidate {
  tier: Tier;
  /** p less the resistance; p alone where the token is forbidden; 0 where it is excluded. */
  s: number;
}

/** The length of the longest sequence of tokens that ends the text once `token` is appended, and that it has already. */
export function repetitionLength(text: readonly number[], token: number, longest: number): number {
  for (let length = longest; length >= 1; length--) {
    if (length - 1 > text.length) continue;
    const wanted = [...text.slice(text.length - (length - 1)), token].join(" ");
    const starts = text.map((_, start) => text.slice(start, start + length));
    if (starts.some((part) => part.length === length && part.join(" ") === wanted)) return length;
  }
  return 0;
}

/** What momentum says of each candidate, in their order: the most probable first. */
export function judge(
  candidates: readonly MomentumCandidate[],
  text: readonly number[],
  { topK, alpha, resistance }: MomentumSettings,
): Judged[] {
  return candidates.map((candidate, rank) => {
    const { token, logProbability } = candidate;
    if (logProbability === -Infinity) return { ...candidate, tier: 3, s: 0 };
    const p = Math.exp(logProbability);
    const length = repetitionLength(text, token, resistance.length + 1);
    if (alpha > 0 && length > resistance.length) return { ...candidate, tier: 2, s: p };
    const against = length === 0 ? 0 : alpha * resistance[length - 1]!;
    return { ...candidate, tier: rank < topK ? 0 : 1, s: p - (alpha === 0 ? 0 : against) };
  });
}

/** The logarithm of s, continued by its tangent below 1/20; 40 nats between tiers, -1 the least s. */
export function valueOf({ tier, s }: Judged): number {
  const at = Math.max(s, -1);
  return (at >= 0.05 ? Math.log(at) : Math.log(0.05) + (at - 0.05) / 0.05) - 40 * tier;
}

/** A row's most probable tokens, the lower id first on a tie. */
export function mostProbable(row: ArrayLike<number>, count: number): MomentumCandidate[] {
  const logits = Array.from(row);
  const largest = Math.max(...logits);
  const sum = logits.reduce((total, x) => total + (x > -Infinity ? Math.exp(x - largest) : 0), 0);
  const order = logits.map((_, token) => token);
  order.sort((a, b) => (logits[a] === logits[b] ? a - b : logits[b]! > logits[a]! ? 1 : -1));
  return order.slice(0, count).map((token) => {
    const x = logits[token]!;
    return { token, logProbability: x > -Infinity ? x - largest - Math.log(sum) : -Infinity };
  });
}

/** The token after `text`, whose row of logits is `row`. */
export function momentumToken(
  row: ArrayLike<number>,
  text: readonly number[],
  settings: MomentumSettings,
): Judged {
  const judged = judge(mostProbable(row, settings.topK), text, settings);
  return judged.reduce((best, one) => {
    if (one.tier !== best.tier) return one.tier < best.tier ? one : best;
    return one.s > best.s ? one : best;
  });
}
