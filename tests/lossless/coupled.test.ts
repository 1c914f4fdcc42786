// Same seed, same text: with the coupled rule a drawn text does not depend on the tree, the draft, or how many rounds
// the GPU runs between readbacks.
import { expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import type { SamplingStages, TreeOptions } from "../../src/options.ts";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  startSequence,
  withGpu,
} from "../support/engine.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREES: Record<string, TreeOptions> = {
  chain: { kind: "chain", length: 4 },
  "rsd-c": { kind: "rsd-c", branching: [3, 2, 1] },
  "rsd-s": { kind: "rsd-s", width: 4, depth: 3 },
  paths: { kind: "paths", count: 3, length: 3 },
  "best-first": { kind: "best-first", nodes: 12, depth: 4, width: 3 },
  "flat best-first": { kind: "best-first", nodes: 24, depth: 3, width: 8, confidence: 2 },
};
const STAGES: Record<string, SamplingStages> = {
  "T = 0": { temperature: 0 },
  "T = 1": { temperature: 1 },
  "T = 0.6": { temperature: 0.6 },
  "T = 1, top-p 0.9": { temperature: 1, topP: 0.9 },
  "T = 0.8, top-k 5, min-p 0.05": { temperature: 0.8, topK: 5, minP: 0.05 },
};
const PROMPT = [1, 9, 4, 7, 3];
/** Fewer on SwiftShader, where a token takes five times as long. */
const COUNT = adapterName === "swiftshader" ? 12 : 20;
const model = tinyModel({ layers: 4, decay: 0.4 });
const other = tinyModel({ layers: 1, seed: 99 });

test.each(Object.entries(STAGES))("%s: every tree gives the text of plain decoding", (_, stages) =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const adversary = await loadTestModel(gpu, other.files);
    const plain = await roundSession(gpu, target, undefined, undefined, { stages });
    const wanted = await decodeTokens(plain, PROMPT, COUNT, { seed: 7 });
    const again = await decodeTokens(plain, PROMPT, COUNT, { seed: 7, rounds: 8 });
    expect(again.tokens).toEqual(wanted.tokens);
    if (stages.temperature! > 0) {
      const another = await decodeTokens(plain, PROMPT, COUNT, { seed: 8 });
      expect(another.tokens, "another seed").not.toEqual(wanted.tokens);
    }
    const trees = Object.values(TREES);
    for (const [drafter, rounds] of [
      [draft, 4],
      [adversary, 16],
    ] as const) {
      const session = await roundSession(gpu, target, drafter, trees, { stages });
      for (const [plan, name] of Object.keys(TREES).entries()) {
        const options = { seed: 7, rounds, plan };
        const actual = await decodeTokens(session, PROMPT, COUNT, options);
        expect(actual.tokens, `${name}, ${rounds} rounds per readback`).toEqual(wanted.tokens);
      }
    }
  }),
);

test("a draft that knows some tokens only: every tree gives the text of plain decoding", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const { vocabSize } = target.config;
    const plain = await roundSession(gpu, target, undefined, undefined, {
      stages: STAGES["T = 1"]!,
    });
    const wanted = await decodeTokens(plain, PROMPT, COUNT, { seed: 7 });
    const odd = Array.from({ length: vocabSize >> 1 }, (_, i) => 2 * i + 1);
    for (const vocabulary of [odd, [4]]) {
      const draft = await loadTestModel(gpu, model.files, { layers: 2, vocabulary });
      const trees = Object.values(TREES);
      const session = await roundSession(gpu, target, draft, trees, { stages: STAGES["T = 1"]! });
      for (const [plan, name] of Object.keys(TREES).entries()) {
        const actual = await decodeTokens(session, PROMPT, COUNT, { seed: 7, rounds: 8, plan });
        expect(actual.tokens, `${name}, ${vocabulary.length} tokens`).toEqual(wanted.tokens);
      }
    }
  }));

test("rounds with one tree, with another and without any can follow each other", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const stages = { temperature: 1 };
    const plain = await roundSession(gpu, target, undefined, undefined, { stages });
    const session = await roundSession(gpu, target, draft, Object.values(TREES), { stages });
    const plans = [4, "plain", "plain", 1, 2, "plain", 4, 0, "plain", 5] as const;
    for (const prompt of [[3], [3, 8], PROMPT]) {
      const wanted = await decodeTokens(plain, prompt, 60, { seed: 3 });
      await startSequence(session, prompt, 3);
      const tokens: number[] = [];
      let deepest = 0;
      for (let i = 0; tokens.length < 60; i++) {
        const outcomes = await session.next({ plan: plans[i % plans.length]!, rounds: 2 });
        tokens.push(...outcomes.flatMap((outcome) => outcome.tokens));
        deepest = Math.max(deepest, ...outcomes.map(({ accepted }) => accepted));
      }
      expect(tokens.slice(0, 60)).toEqual(wanted.tokens);
      // A draft whose cache had holes would still be lossless, and right by luck only.
      expect(deepest).toBeGreaterThan(1);
    }
  }));

test("the GPU stops by itself at an end of text and at the length", () =>
  withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const draft = await loadTestModel(gpu, model.files, { layers: 2 });
    const session = await roundSession(gpu, target, draft, TREES["best-first"]!);
    const { tokens } = await decodeTokens(session, PROMPT, 20);
    const end = tokens[9]!;
    const first = tokens.indexOf(end);
    for (const [endTokens, maxNewTokens, wanted] of [
      [[end], 1000, first + 1],
      [[], 13, 13],
      [[99999, end], 4, Math.min(4, first + 1)],
    ] as const) {
      await session.start({ prompt: PROMPT, seed: 0, maxNewTokens, endTokens });
      const outcomes = await session.next({ rounds: 16 });
      const all = outcomes.flatMap((outcome) => outcome.tokens);
      const before = outcomes.slice(0, -1).flatMap((outcome) => outcome.tokens);
      expect(all.slice(0, wanted)).toEqual(tokens.slice(0, wanted));
      expect(before.length, "the round before the last had not ended").toBeLessThan(wanted);
      expect(all.length).toBeGreaterThanOrEqual(wanted);
      expect(await session.next({ rounds: 4 }), "nothing is left to do").toEqual([]);
    }
  }));
