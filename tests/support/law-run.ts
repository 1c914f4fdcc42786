// A measurement of the law of what the GPU writes: many sequences at once, every token counted by what it followed, and the
// counts compared with the target's own law.
import type { Gpu } from "../../src/gpu/index.ts";
import type { SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import { batchedRounds, type Faults } from "./batched-rounds.ts";
import { type ChiSquare, chiSquareOfRows } from "./chi-square.ts";
import { type MarkovPair, transitions } from "./markov-pair.ts";

export interface LawRun {
  readonly pair: MarkovPair;
  readonly tree: TreeOptions;
  readonly verify: VerifyRule;
  readonly stages: SamplingStages;
  /** At least; rounded up to whole readbacks of all sequences. */
  readonly rounds: number;
  /** Sequences at once. */
  readonly copies: number;
  readonly seed?: number;
  readonly faults?: Faults;
}

export interface LawResult {
  readonly rounds: number;
  readonly tokens: number;
  /** Given the token before: all that the law depends on, so the most powerful test. */
  readonly one: ChiSquare;
  /** Given the two tokens before: whether nothing else matters. */
  readonly two: ChiSquare;
}

/** Lanes of a workgroup: at least a column each, and no more than that. Their sums are those of the engine's 64. */
export const lanesFor = (vocab: number): number => Math.max(8, Math.ceil(vocab / 8) * 8);

const ROUNDS_PER_READBACK = 16;

export async function measureLaw(gpu: Gpu, run: LawRun): Promise<LawResult> {
  const { pair, copies } = run;
  const vocab = pair.target.length;
  const sequences = await batchedRounds(gpu, pair, { ...run, lanes: lanesFor(vocab) });
  const pairs = new Float64Array(vocab ** 2);
  const triples = new Float64Array(vocab ** 3);
  const before = sequences.prompts.map(([token]) => token);
  const last = sequences.prompts.map(([, token]) => token);
  let [rounds, tokens] = [0, 0];
  while (rounds < run.rounds) {
    await sequences.next(ROUNDS_PER_READBACK, (copy, words, first, count) => {
      for (let i = first; i < first + count; i++) {
        const token = words[i]!;
        const context = last[copy]! * vocab + token;
        pairs[context]! += 1;
        triples[before[copy]! * vocab * vocab + context]! += 1;
        before[copy] = last[copy]!;
        last[copy] = token;
      }
      tokens += count;
    });
    rounds += ROUNDS_PER_READBACK * copies;
  }
  sequences.dispose();
  const law = transitions(pair.target, run.stages);
  const test = (counts: Float64Array) =>
    chiSquareOfRows(
      Array.from({ length: counts.length / vocab }, (_, row) => ({
        counts: counts.subarray(row * vocab, (row + 1) * vocab),
        law: law[row % vocab]!,
      })),
    );
  return { rounds, tokens, one: test(pairs), two: test(triples) };
}
