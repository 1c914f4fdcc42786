// One step of Superposed Decoding (arXiv 2405.18400) in f64, from its formulas: plain lists and maps.

/** A draft that goes on: all its tokens, the prompt's included, and its score in nats. */
export interface ReferenceDraft {
  readonly tokens: readonly number[];
  readonly score: number;
}

export interface ReferenceChoice {
  readonly token: number;
  readonly parent: number;
  readonly score: number;
  readonly fate: "dropped" | "live" | "ended";
}

export type ReferenceNgrams = (history: readonly number[]) => (token: number) => number;

/** A draft and a token that may follow it. */
export interface ReferencePair {
  readonly parent: number;
  readonly token: number;
  readonly score: number;
  /** ln p of the token, and the n-grams' sum for it. */
  readonly chance: number;
  readonly known: number;
}

export interface SuperposeInput {
  readonly drafts: readonly ReferenceDraft[];
  /** `[vocab]` logits of the one pass. */
  readonly logits: ArrayLike<number>;
  /** How many drafts are wanted, and how many tokens they choose from. */
  readonly k: number;
  readonly candidates: number;
  readonly alpha: number;
  readonly temperature: number;
  /** The n-grams' weighted sum for tokens after these; undefined: there are none. */
  readonly ngrams: ReferenceNgrams | undefined;
  readonly endTokens: readonly number[];
}

export interface SuperposeOutput {
  /** The best 2k, best first. */
  readonly choices: ReferenceChoice[];
  /** All pairs that have a score, best first. */
  readonly ranked: ReferencePair[];
  readonly drafts: ReferenceDraft[];
  /** Shares of the drafts in the next input. */
  readonly weights: number[];
}

const PENALTY = 200;

/** The `count` largest logits, the lower id on a tie, without tokens of probability 0. */
export function largest(logits: ArrayLike<number>, count: number): number[] {
  const ids = Array.from(logits, (_, id) => id).filter((id) => logits[id]! > -Infinity);
  return ids.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, count);
}

/** ln of the softmax of logits / temperature over `tokens`. */
export function logShares(
  logits: ArrayLike<number>,
  tokens: readonly number[],
  temperature: number,
): Map<number, number> {
  const top = Math.max(...tokens.map((token) => logits[token]!));
  const scaled = tokens.map((token) => (logits[token]! - top) / temperature);
  const logSum = Math.log(scaled.reduce((sum, x) => sum + Math.exp(x), 0));
  return new Map(tokens.map((token, i) => [token, scaled[i]! - logSum]));
}

export function superposeStep(input: SuperposeInput): SuperposeOutput {
  const { drafts, logits, k, alpha, temperature, ngrams, endTokens } = input;
  const tokens = largest(logits, input.candidates);
  const chances = logShares(logits, tokens, temperature);
  const share = ngrams ? alpha : 0;

  const ranked = drafts.flatMap((draft, parent) => {
    const sumOf = ngrams?.(draft.tokens) ?? (() => 0);
    const knowsAny = tokens.some((token) => sumOf(token) > 0);
    return tokens.flatMap((token) => {
      const chance = chances.get(token)!;
      const known = sumOf(token);
      let term = (1 - share) * chance;
      if (ngrams && !knowsAny) term -= PENALTY;
      if (knowsAny) term += alpha * Math.log(known);
      if (term === -Infinity) return [];
      return [{ score: draft.score + term, parent, token, chance, known }];
    });
  });
  ranked.sort((a, b) => b.score - a.score || a.parent - b.parent || a.token - b.token);

  const next: ReferenceDraft[] = [];
  const choices = ranked.slice(0, 2 * k).map(({ score, parent, token }): ReferenceChoice => {
    if (endTokens.includes(token)) return { token, parent, score, fate: "ended" };
    if (next.length === k) return { token, parent, score, fate: "dropped" };
    next.push({ tokens: [...drafts[parent]!.tokens, token], score });
    return { token, parent, score, fate: "live" };
  });
  const best = Math.max(...next.map((draft) => draft.score));
  const shares = next.map((draft) => Math.exp(draft.score - best));
  const total = shares.reduce((a, b) => a + b, 0);
  return { choices, ranked, drafts: next, weights: shares.map((x) => x / total) };
}
