// Superposed Decoding from start to end, in f64: steps, the pool of ended drafts, the ranking, and n-grams counted
// with maps.
import {
  type ReferenceDraft,
  type ReferenceNgrams,
  superposeStep,
  type SuperposeOutput,
} from "./superpose-step.ts";

/** A source: order n to how often a token followed n - 1 others, and how often these were followed at all. */
export type NgramCounts = ReadonlyMap<number, ReadonlyMap<string, ReadonlyMap<number, number>>>;

/** Counts n-grams of orders 2 to 6 in texts of token ids. */
export function countNgrams(texts: readonly (readonly number[])[]): NgramCounts {
  const orders = new Map<number, Map<string, Map<number, number>>>();
  for (const order of [2, 3, 4, 5, 6]) {
    const contexts = new Map<string, Map<number, number>>();
    for (const text of texts) {
      for (let at = order - 1; at < text.length; at++) {
        const context = text.slice(at - order + 1, at).join(" ");
        const followers = contexts.get(context) ?? new Map<number, number>();
        contexts.set(context, followers);
        followers.set(text[at]!, (followers.get(text[at]!) ?? 0) + 1);
      }
    }
    orders.set(order, contexts);
  }
  return orders;
}

/** sum over sources and orders of weight * lambda_n * P_n(token | last n - 1 tokens); an unseen context adds nothing. */
export function ngramSum(
  sources: readonly { readonly counts: NgramCounts; readonly weight: number }[],
  lambdas: readonly number[],
): ReferenceNgrams {
  return (history) => {
    const sums = new Map<number, number>();
    for (const { counts, weight } of sources) {
      for (const [i, lambda] of lambdas.entries()) {
        const order = i + 2;
        if (history.length < order - 1) continue;
        const followers = counts.get(order)?.get(history.slice(1 - order).join(" "));
        if (!followers) continue;
        const total = [...followers.values()].reduce((a, b) => a + b, 0);
        for (const [token, count] of followers) {
          sums.set(token, (sums.get(token) ?? 0) + (weight * lambda * count) / total);
        }
      }
    }
    return (token) => sums.get(token) ?? 0;
  };
}

export interface SuperposedRun {
  readonly prompt: readonly number[];
  readonly k: number;
  readonly candidates: number;
  readonly alpha: number;
  readonly temperature: number;
  readonly ngrams: ReferenceNgrams | undefined;
  readonly endTokens: readonly number[];
  readonly steps: number;
  /** The model: logits after the prompt and the mixes so far (the newest last; none at the first step). */
  readonly logits: (mixes: readonly Mix[]) => ArrayLike<number>;
}

/** A weighted mix of tokens. */
export type Mix = readonly { readonly token: number; readonly weight: number }[];

export interface RankedDraft {
  /** Without the prompt and without the token that ended the text. */
  readonly tokens: readonly number[];
  readonly score: number;
  readonly perplexity: number;
  readonly done: boolean;
}

export interface SuperposedTrace {
  readonly steps: readonly SuperposeOutput[];
  /** The best k of the live and the ended drafts, by perplexity. */
  readonly ranking: readonly RankedDraft[];
}

export function superposed(run: SuperposedRun): SuperposedTrace {
  const { prompt, k } = run;
  let drafts: readonly ReferenceDraft[] = [{ tokens: prompt, score: 0 }];
  let pool: ReferenceDraft[] = [];
  const steps: SuperposeOutput[] = [];
  const mixes: Mix[] = [];
  while (steps.length < run.steps && drafts.length > 0) {
    const step = superposeStep({ ...run, drafts, logits: run.logits(mixes) });
    steps.push(step);
    const ended = step.choices.filter(({ fate }) => fate === "ended");
    const before = drafts;
    pool = [
      ...pool,
      ...ended.map(({ parent, token, score }) => ({
        tokens: [...before[parent]!.tokens, token],
        score,
      })),
    ]
      .sort((a, b) => b.score - a.score)
      .slice(0, k);
    drafts = step.drafts;
    mixes.push(
      drafts.map(({ tokens }, i) => ({ token: tokens.at(-1)!, weight: step.weights[i]! })),
    );
  }
  const rank = (done: boolean) => (draft: ReferenceDraft) => {
    const tokens = draft.tokens.slice(prompt.length);
    return {
      tokens: done ? tokens.slice(0, -1) : tokens,
      score: draft.score,
      perplexity: Math.exp(-draft.score / tokens.length),
      done,
    };
  };
  const ranking = [...drafts.map(rank(false)), ...pool.map(rank(true))]
    .sort((a, b) => a.perplexity - b.perplexity)
    .slice(0, k);
  return { steps, ranking };
}
