// Samples drawn side by side are the texts that plain sampling gives one by one, and cost one pass per position.
import { expect, test } from "vitest";
import { resolveSampling } from "../../src/decoder/sampling-options.ts";
import type { SamplingStages } from "../../src/options.ts";
import { GpuSamplesSession } from "../../src/tree/index.ts";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  treeSession,
  withGpu,
} from "../support/engine.ts";
import { markovPair, tableModel, transitions } from "../support/markov-pair.ts";
import { tinyModel } from "../support/tiny-model.ts";

const PROMPTS = [[1, 9, 4, 7], [3]];
const STAGES: SamplingStages[] = [{ temperature: 1 }, { temperature: 0.8, topP: 0.9, topK: 20 }];

test.each(STAGES)("sample i is the text of seed + i: %j", (stages) =>
  withGpu(async (gpu) => {
    const model = await loadTestModel(gpu, tinyModel({ layers: 2 }).files);
    const plain = await roundSession(gpu, model, undefined, undefined, { stages });
    const target = treeSession(gpu, model);
    const resolved = resolveSampling("stages", stages);
    const session = new GpuSamplesSession(gpu, gpu.buffers.child("samples"), target, {
      count: 5,
      stages: resolved,
    });
    for (const prompt of PROMPTS) {
      // The last seed of all: the next one is 0.
      const seed = 0xffff_ffff;
      await session.start({ prompt, maxNewTokens: 14, seed });
      await session.next(5);
      const texts = await session.next(20);
      const { targetForwards, submits, readbacks } = session.counts;
      const prefills = prompt.length > 1 ? 1 : 0;
      expect({ targetForwards, submits, readbacks }).toEqual({
        targetForwards: prefills + 14,
        submits: prefills + 2,
        readbacks: 2,
      });
      for (const [i, { tokens }] of texts.entries()) {
        const alone = await decodeTokens(plain, prompt, 14, { seed: (seed + i) >>> 0, rounds: 8 });
        expect(tokens, `sample ${i}`).toEqual(alone.tokens);
      }
    }
  }),
);

test("a score is the sum of the log-probabilities of what was drawn from", () =>
  withGpu(async (gpu) => {
    const { target: table } = markovPair(12, 3);
    const stages = { temperature: 0.7, topK: 5 };
    const law = transitions(table, stages);
    const target = treeSession(gpu, tableModel(gpu, table));
    const resolved = resolveSampling("stages", stages);
    const shape = { count: 10, stages: resolved };
    const session = new GpuSamplesSession(gpu, gpu.buffers.child("samples"), target, shape);
    await session.start({ prompt: [2, 7], maxNewTokens: 9, seed: 5 });
    for (const { tokens, scores } of await session.next(9)) {
      let wanted = 0;
      for (const [i, token] of tokens.entries()) {
        wanted += Math.log(law[i === 0 ? 7 : tokens[i - 1]!]![token]!);
        // Up to nine numbers of at most 10 nats, each with the error of a log-softmax in f32.
        expect(Math.abs(scores[i]! - wanted)).toBeLessThan(9 * 10 * 2 ** -18);
      }
    }
  }));
