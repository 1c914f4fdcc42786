// Beam search on real passes: the texts of the f64 reference over the same model, and one pass per position for all beams.
import { expect, test } from "vitest";
import type { BeamShape } from "../../src/tree/index.ts";
import { GpuBeamSession } from "../../src/tree/index.ts";
import { type BeamSearchOptions, startBeams, stepBeams } from "../reference/beam-step.ts";
import { decoderLogits } from "../reference/decoder-forward.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";
import { markovPair, tableModel } from "../support/markov-pair.ts";
import { tinyModel } from "../support/tiny-model.ts";

/** f32 sums of up to 12 log-probabilities of at most 15 nats, and the table's own rounding through the model's norm. */
const CLOSE = 2e-4;

const SHAPES: (BeamShape & { vocab: number; endTokens: number[]; maxNewTokens: number })[] = [
  {
    groups: 1,
    width: 4,
    vocab: 40,
    endTokens: [3],
    maxNewTokens: 12,
    lengthPenalty: 1,
    earlyStopping: false,
    diversity: 0,
    ends: 1,
  },
  {
    groups: 1,
    width: 10,
    vocab: 64,
    endTokens: [3, 5],
    maxNewTokens: 8,
    lengthPenalty: 0,
    earlyStopping: "never",
    diversity: 0,
    ends: 2,
  },
  {
    groups: 3,
    width: 2,
    vocab: 40,
    endTokens: [],
    maxNewTokens: 6,
    lengthPenalty: 0.6,
    earlyStopping: true,
    diversity: 0.7,
    ends: 0,
  },
  {
    groups: 1,
    width: 1,
    vocab: 17,
    endTokens: [2],
    maxNewTokens: 9,
    lengthPenalty: 2,
    earlyStopping: true,
    diversity: 0,
    ends: 1,
  },
];

function logSoftmax(row: readonly number[]): number[] {
  const sum = Math.log(row.reduce((total, x) => total + Math.exp(x), 0));
  return row.map((x) => x - sum);
}

test.each(SHAPES)("$groups groups of $width: the reference's texts", (shape) =>
  withGpu(async (gpu) => {
    const { vocab, endTokens, maxNewTokens } = shape;
    let compared = 0;
    for (let seed = 1; seed <= 4; seed++) {
      const { target: table } = markovPair(vocab, seed);
      const logProbabilities = table.map(logSoftmax);
      const target = treeSession(gpu, tableModel(gpu, table));
      const session = new GpuBeamSession(gpu, gpu.buffers.child("beams"), target, shape);
      const prompt = [seed, 7];
      const options: BeamSearchOptions = { ...shape, maxTokens: maxNewTokens, ends: endTokens };
      const next = (tokens: readonly number[]) => logProbabilities[tokens.at(-1) ?? 7]!;
      const state = startBeams(options);
      let [margin, steps] = [Infinity, 0];
      while (!state.every(({ done }) => done)) {
        margin = Math.min(margin, stepBeams(state, next, options));
        steps += 1;
      }
      await session.start({ prompt, maxNewTokens, endTokens });
      let outcome = await session.next(5);
      while (!outcome.done) outcome = await session.next(5);
      const { targetForwards, readbacks } = session.counts;
      expect(
        targetForwards,
        "a pass per step for all beams, and one for the prompt",
      ).toBeLessThanOrEqual(1 + Math.min(maxNewTokens, Math.ceil(steps / 5) * 5));
      expect(readbacks).toBe(Math.ceil(steps / 5));
      if (margin < CLOSE) continue;
      compared += 1;
      state.forEach(({ finished }, g) => {
        const actual = outcome.groups[g]!.finished;
        expect(actual.map(({ tokens }) => tokens)).toEqual(finished.map(({ tokens }) => tokens));
        actual.forEach(({ score }, i) =>
          expect(Math.abs(score - finished[i]!.score)).toBeLessThan(CLOSE),
        );
      });
    }
    expect(compared).toBeGreaterThan(1);
  }),
);

test("beams attend to their own texts", () =>
  withGpu(async (gpu) => {
    const model = tinyModel({ layers: 2, seed: 5, vocab: 60 });
    const shape: BeamShape = {
      groups: 1,
      width: 3,
      ends: 1,
      lengthPenalty: 1,
      earlyStopping: "never",
      diversity: 0,
    };
    const [prompt, maxNewTokens, endTokens] = [[1, 9, 4, 7], 7, [2]];
    const options: BeamSearchOptions = { ...shape, maxTokens: maxNewTokens, ends: endTokens };
    const next = (tokens: readonly number[]) =>
      logSoftmax([...decoderLogits(model.config, model.tensors, [...prompt, ...tokens]).at(-1)!]);
    const state = startBeams(options);
    let margin = Infinity;
    while (!state[0]!.done) margin = Math.min(margin, stepBeams(state, next, options));
    expect(margin, "no close call").toBeGreaterThan(CLOSE);

    const target = treeSession(gpu, await loadTestModel(gpu, model.files));
    const session = new GpuBeamSession(gpu, gpu.buffers.child("beams"), target, shape);
    // Twice: what a search leaves in the cache does not reach the next.
    for (let time = 0; time < 2; time++) {
      await session.start({ prompt, maxNewTokens, endTokens });
      const { groups, done } = await session.next(maxNewTokens);
      expect(done).toBe(true);
      expect(groups[0]!.finished.map(({ tokens }) => tokens)).toEqual(
        state[0]!.finished.map(({ tokens }) => tokens),
      );
    }
  }));
