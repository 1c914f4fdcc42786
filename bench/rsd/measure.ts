// Block efficiency of one cell: the same prompts and seeds for every cell, so that differences are paired.
import type { Gpu } from "../../src/gpu/index.ts";
import type { SamplingStages } from "../../src/options.ts";
import { parameterCount } from "../../src/worker/host-engine.ts";
import { roundSession, startSequence } from "../../tests/support/engine.ts";
import type { Pair } from "../../tests/support/real-pairs.ts";
import { type Cell, depthOf } from "./grid.ts";

export interface Measured {
  readonly cell: Cell;
  /** Tokens and rounds of every sequence. */
  readonly sequences: readonly { readonly tokens: number; readonly rounds: number }[];
}

/** Decodes `count` tokens of each prompt with one seed. */
export async function measure(
  gpu: Gpu,
  { target, draft, prompts }: Pair,
  cell: Cell,
  stages: SamplingStages,
  seed: number,
  count: number,
): Promise<Measured> {
  const { tree, verify } = cell;
  const session = await roundSession(gpu, target, draft, tree, { stages, verify });
  const sequences = [];
  for (const prompt of prompts) {
    await startSequence(session, prompt, seed);
    let [tokens, rounds] = [0, 0];
    while (tokens < count) {
      for (const outcome of await session.next({ rounds: 8 })) {
        // A round is counted whole or not at all: cutting the last one short would favour small trees.
        if (tokens >= count) break;
        tokens += outcome.tokens.length;
        rounds += 1;
      }
    }
    sequences.push({ tokens, rounds });
  }
  return { cell, sequences };
}

/** A mean and its standard error. */
export interface Estimate {
  readonly mean: number;
  readonly error: number;
}

/** Tokens per round over all sequences: a ratio of sums, its error by the spread of the sequences. */
export function blockEfficiency({ sequences }: Measured): Estimate {
  const tokens = sequences.reduce((sum, one) => sum + one.tokens, 0);
  const rounds = sequences.reduce((sum, one) => sum + one.rounds, 0);
  const mean = tokens / rounds;
  const n = sequences.length;
  const squares = sequences.reduce((sum, one) => sum + (one.tokens - mean * one.rounds) ** 2, 0);
  return { mean, error: Math.sqrt((squares * n) / (n - 1)) / rounds };
}

/** Relative difference of two cells' block efficiencies, sequence by sequence. */
export function pairedGain(one: Measured, other: Measured): Estimate {
  const ratios = one.sequences.map(({ tokens, rounds }, i) => {
    const against = other.sequences[i]!;
    return tokens / rounds / (against.tokens / against.rounds) - 1;
  });
  const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const squares = ratios.reduce((sum, ratio) => sum + (ratio - mean) ** 2, 0);
  return { mean, error: Math.sqrt(squares / (ratios.length - 1) / ratios.length) };
}

/** Block efficiency over 1 + c L: c the draft's share of the target's parameters, L its passes per round. */
export function memoryBoundSpeedUp({ target, draft }: Pair, measured: Measured): Estimate {
  const share = parameterCount(draft.config) / parameterCount(target.config);
  const { mean, error } = blockEfficiency(measured);
  const cost = 1 + share * depthOf(measured.cell.tree);
  return { mean: mean / cost, error: error / cost };
}
