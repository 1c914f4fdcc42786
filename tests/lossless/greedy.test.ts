// Speculation changes nothing: greedy text with any tree and any draft is the greedy text without.
import { describe, expect, test } from "vitest";
import type { TreeOptions } from "../../src/options.ts";
import { decodeTokens, loadTestModel, roundSession, withGpu } from "../support/engine.ts";
import { hasStories, storiesFiles, storiesGolden } from "../support/fixtures.ts";
import { tinyModel } from "../support/tiny-model.ts";

const TREES: [string, TreeOptions][] = [
  ["chain 1", { kind: "chain", length: 1 }],
  ["chain 7", { kind: "chain", length: 7 }],
  ["chain 63", { kind: "chain", length: 63 }],
  ["branching 63", { kind: "rsd-c", branching: [63] }],
  ["branching 2-2-2-2", { kind: "rsd-c", branching: [2, 2, 2, 2] }],
  ["branching 4-2-1", { kind: "rsd-c", branching: [4, 2, 1] }],
  ["best-first 16", { kind: "best-first" }],
  ["best-first 64, deep", { kind: "best-first", nodes: 64, depth: 12, width: 8 }],
  ["best-first 5, narrow", { kind: "best-first", nodes: 5, depth: 6, width: 2 }],
];

const PROMPTS = [
  [1],
  [1, 2],
  [1, 40, 17, 233],
  Array.from({ length: 75 }, (_, i) => (i * 31 + 5) % 300),
];
const COUNT = 60;

describe.each([
  ["f32", tinyModel({ layers: 4, decay: 0.4 })],
  [
    "f16, untied",
    tinyModel({
      layers: 4,
      decay: 0.4,
      dtype: "F16",
      tied: false,
      seed: 9,
      hidden: 64,
      intermediate: 172,
    }),
  ],
] as const)("random model, %s", (_, model) => {
  // A draft that agrees often, one that agrees seldom and one that knows nothing of the target.
  const stranger = tinyModel({ ...sizes(model.config), layers: 1, seed: 77 });

  test.each(TREES)("%s", async (_name, tree) => {
    await withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, model.files);
      const plain = await roundSession(gpu, target);
      const drafts = [
        await loadTestModel(gpu, model.files, { layers: 3 }),
        await loadTestModel(gpu, stranger.files),
      ];
      for (const draft of drafts) {
        const session = await roundSession(gpu, target, draft, tree);
        for (const prompt of PROMPTS) {
          const expected = await decodeTokens(plain, prompt, COUNT);
          const actual = await decodeTokens(session, prompt, COUNT);
          expect(actual.tokens).toEqual(expected.tokens);
        }
      }
    });
  });

  test("the target as its own draft has every path accepted", async () => {
    await withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, model.files);
      const session = await roundSession(gpu, target, await loadTestModel(gpu, model.files), {
        kind: "chain",
        length: 5,
      });
      const { emitted, rounds } = await decodeTokens(session, [1, 2, 3], 120);
      expect(emitted / rounds).toBe(6);
    });
  });
});

function sizes(config: ReturnType<typeof tinyModel>["config"]) {
  return {
    hidden: config.hidden_size,
    intermediate: config.intermediate_size,
    vocab: config.vocab_size,
  };
}

describe.skipIf(!hasStories)("stories260K", () => {
  test("greedy text is the golden, with and without speculation", async () => {
    const { tokens: golden } = storiesGolden();
    await withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, storiesFiles());
      const draft = await loadTestModel(gpu, storiesFiles(), { layers: 4 });
      const [bos, ...expected] = golden;
      const plain = await decodeTokens(await roundSession(gpu, target), [bos!], expected.length);
      expect(plain.tokens).toEqual(expected);
      const session = await roundSession(gpu, target, draft, {
        kind: "best-first",
        nodes: 16,
        depth: 5,
        width: 4,
      });
      const tree = await decodeTokens(session, [bos!], expected.length);
      expect(tree.tokens).toEqual(expected);
      expect(tree.emitted / tree.rounds).toBeGreaterThan(1.5);
    });
  });
});
