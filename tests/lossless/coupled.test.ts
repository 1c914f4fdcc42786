// Same seed, same text: with the coupled rule a drawn text does not depend on the tree, the draft, or how many rounds
// the GPU runs between readbacks.
import { describe, expect, test } from "vitest";
import type { SamplingStages, TreeOptions } from "../../src/options.ts";
import { decodeTokens, loadTestModel, roundSession, withGpu } from "../support/engine.ts";
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
const COUNT = 60;
const model = tinyModel({ layers: 4, decay: 0.4 });
const other = tinyModel({ layers: 2, seed: 99 });

describe.each(Object.entries(STAGES))("%s", (_, stages) => {
  test("every tree gives the text of plain decoding", () =>
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
      for (const [name, tree] of Object.entries(TREES)) {
        for (const [drafter, rounds] of [
          [draft, 1],
          [draft, 5],
          [adversary, 16],
        ] as const) {
          const session = await roundSession(gpu, target, drafter, tree, { stages });
          const actual = await decodeTokens(session, PROMPT, COUNT, { seed: 7, rounds });
          expect(actual.tokens, `${name}, ${rounds} rounds per readback`).toEqual(wanted.tokens);
        }
      }
    }));
});
