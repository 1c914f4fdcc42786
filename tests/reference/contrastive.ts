// Contrastive search in f64, from the paper's formula, over any model: a step at a time.
import { bestOf, contrastValues } from "./contrast-step.ts";

export interface ContrastiveModel {
  /** The last hidden states of a text, one per token. */
  states(tokens: readonly number[]): ArrayLike<number>[];
  /** The logits of the token that follows one whose state this is, in a text that ends with it. */
  logits(state: ArrayLike<number>, tokens: readonly number[]): ArrayLike<number>;
}

export interface ContrastiveChoice {
  readonly token: number;
  /** How much more it is worth than any other candidate; Infinity without another. */
  readonly margin: number;
  /** By how many nats the last candidate is more probable than the first token that is none; Infinity where all are. */
  readonly gap: number;
  /** The chosen one's place among the candidates, by probability. */
  readonly rank: number;
}

/** What follows `tokens`. */
export function contrastiveChoice(
  model: ContrastiveModel,
  tokens: readonly number[],
  { k, alpha }: { readonly k: number; readonly alpha: number },
): ContrastiveChoice {
  const states = model.states(tokens);
  const logits = Array.from(model.logits(states.at(-1)!, tokens));
  const order = logits.map((_, id) => id).sort((a, b) => logits[b]! - logits[a]! || a - b);
  const candidates = order.slice(0, k);
  const top = logits[order[0]!]!;
  const logSum = Math.log(logits.reduce((sum, z) => sum + Math.exp(z - top), 0));
  const similarities = candidates.map((token) => {
    const own = model.states([...tokens, token]).at(-1)!;
    return Math.max(...states.map((state) => cosine(state, own)));
  });
  const logProbabilities = candidates.map((token) => logits[token]! - top - logSum);
  const values = contrastValues(logProbabilities, similarities, alpha);
  const rank = bestOf(values);
  const others = values.filter((_, i) => i !== rank);
  return {
    token: candidates[rank]!,
    margin: Math.min(Infinity, ...others.map((value) => values[rank]! - value)),
    gap: order.length > k ? logits[order[k - 1]!]! - logits[order[k]!]! : Infinity,
    rank,
  };
}

function cosine(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let [dot, left, right] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i]! * b[i]!;
    left += a[i]! ** 2;
    right += b[i]! ** 2;
  }
  return left > 0 && right > 0 ? dot / Math.sqrt(left * right) : 0;
}
