// A target and a draft whose next token depends on the last one alone, by a table: the real engine runs them as models
// without layers, and the law of what it writes is known exactly.
import type { Gpu } from "../../src/gpu/index.ts";
import { parseModelConfig } from "../../src/model/config.ts";
import { LanguageModel } from "../../src/model/index.ts";
import type { ResolvedEdits, SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import { roundSession, startSequence } from "./engine.ts";
import { normals } from "./random.ts";

/** `[last][next]` logits. */
export type Table = readonly (readonly number[])[];

export interface MarkovPair {
  readonly target: Table;
  readonly draft: Table;
  /** All that the draft knows: rising ids. Default: every token. */
  readonly vocabulary?: readonly number[];
}

/** Random logits of spread `scale`; the draft's are the target's and `noise` times others. */
export function markovPair(vocab: number, seed: number, scale = 1.5, noise = 1): MarkovPair {
  const normal = normals(seed);
  const rows = (size: number): number[][] =>
    Array.from({ length: vocab }, () => Array.from({ length: vocab }, () => size * normal()));
  const target = rows(scale);
  const other = rows(noise * scale);
  return { target, draft: target.map((row, a) => row.map((x, b) => x + other[a]![b]!)) };
}

/** What is drawn after each token: the stages in f64, in Hugging Face's order. */
export function transitions(table: Table, stages: SamplingStages): number[][] {
  const { temperature = 1, topK = 0, topP = 1, minP = 0 } = stages;
  return table.map((row) => {
    const largest = Math.max(...row);
    const shares = row.map((x) => Math.exp((x - largest) / temperature));
    const order = row.map((_, c) => c).sort((a, b) => row[b]! - row[a]!);
    let kept = topK > 0 ? order.slice(0, topK) : order;
    const total = kept.reduce((sum, c) => sum + shares[c]!, 0);
    let sum = 0;
    kept = kept.filter((c) => {
      const isWanted = sum < topP * total;
      sum += shares[c]!;
      return isWanted;
    });
    kept = kept.filter((c) => shares[c]! >= minP);
    const mass = kept.reduce((add, c) => add + shares[c]!, 0);
    return row.map((_, c) => (kept.includes(c) ? shares[c]! / mass : 0));
  });
}

/** Large, so that the norm's epsilon is far below f32. */
const SIZE = 1000;

/** The table as a model without layers: a token's embedding is one-hot, so the head's column is its row of logits. */
export function tableModel(gpu: Gpu, table: Table, vocabulary?: readonly number[]): LanguageModel {
  const scope = gpu.buffers.child("table");
  const vocabSize = table.length;
  const hiddenSize = Math.ceil(vocabSize / 4) * 4;
  const embedding = new Float32Array(vocabSize * hiddenSize);
  const head = new Float32Array(vocabSize * hiddenSize);
  table.forEach((row, last) => {
    embedding[last * hiddenSize + last] = SIZE;
    row.forEach((x, next) => {
      head[next * hiddenSize + last] = x / Math.sqrt(hiddenSize);
    });
  });
  const matrix = (label: string, data: Float32Array<ArrayBuffer>) => {
    return {
      slice: scope.upload(label, data),
      type: "f32",
      cols: vocabSize,
      k: hiddenSize,
    } as const;
  };
  const weights = {
    embedding: matrix("embedding", embedding),
    layers: [],
    norm: scope.upload("norm", new Float32Array(hiddenSize).fill(1)),
    head: matrix("head", head),
  };
  const described = parseModelConfig({
    model_type: "llama",
    hidden_size: hiddenSize,
    intermediate_size: 4,
    num_hidden_layers: 1,
    num_attention_heads: 1,
    head_dim: 16,
    vocab_size: vocabSize,
    max_position_embeddings: CONTEXT,
    rms_norm_eps: 1e-5,
  });
  const config = { ...described, layers: 0, layerAttention: [] };
  return new LanguageModel(scope, config, weights, CONTEXT, vocabulary);
}

const CONTEXT = 4096;

export interface LawRun {
  readonly tree: TreeOptions;
  readonly verify: VerifyRule;
  readonly stages: SamplingStages;
  readonly rounds: number;
  readonly seed?: number;
  readonly edits?: ResolvedEdits;
}

/** Texts of `rounds` rounds in all, and their block efficiency. */
export async function writeTexts(gpu: Gpu, pair: MarkovPair, run: LawRun) {
  const { tree, verify, stages, edits } = run;
  const models = [
    tableModel(gpu, pair.target),
    tableModel(gpu, pair.draft, pair.vocabulary),
  ] as const;
  const session = await roundSession(gpu, ...models, tree, {
    stages,
    verify,
    edited: edits !== undefined,
  });
  const texts: number[][] = [];
  let [rounds, emitted] = [0, 0];
  for (let seed = run.seed ?? 1; rounds < run.rounds; seed++) {
    const text = [seed % pair.target.length, 0];
    await startSequence(session, text, seed, edits);
    for (;;) {
      const outcomes = await session.next({ rounds: 16 });
      if (outcomes.length === 0 || rounds >= run.rounds) break;
      rounds += outcomes.length;
      for (const { tokens } of outcomes) {
        text.push(...tokens);
        emitted += tokens.length;
      }
    }
    texts.push(text);
  }
  return { texts, blockEfficiency: emitted / rounds };
}

/**
 * How often each token followed the `order` tokens before it, and how often it should have. One token is all that the law
 * depends on, and so the most powerful test; with two it is tested that nothing else matters.
 */
export function followers(texts: readonly number[][], law: readonly number[][], order: 1 | 2) {
  const counts = new Map<string, number>();
  const contexts = new Map<string, { last: number; count: number }>();
  let total = 0;
  for (const text of texts) {
    // The first two tokens were given.
    for (let i = 2; i < text.length; i++) {
      const last = text[i - 1]!;
      const context = text.slice(i - order, i).join(" ");
      const known = contexts.get(context) ?? { last, count: 0 };
      contexts.set(context, { last, count: known.count + 1 });
      const key = `${context} ${text[i]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
      total += 1;
    }
  }
  const expected = new Map<string, number>();
  for (const [context, { last, count }] of contexts) {
    law[last]!.forEach((p, next) => {
      if (p > 0) expected.set(`${context} ${next}`, (p * count) / total);
    });
  }
  return { counts, expected };
}
