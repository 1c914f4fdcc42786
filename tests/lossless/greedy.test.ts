// Speculation changes nothing: greedy text with any tree and any draft is the greedy text without.
import { describe, expect, test } from "vitest";
import { LanguageModel } from "../../src/model/index.ts";
import type { TreeOptions } from "../../src/options.ts";
import { decodeTokens, loadTestModel, roundSession, withGpu } from "../support/engine.ts";
import { hasStories, storiesFiles, storiesGolden } from "../support/fixtures.ts";
import { tinyModel, type TinyModel, type TinyModelOptions } from "../support/tiny-model.ts";

const TREES: [string, TreeOptions][] = [
  ["chain 1", { kind: "chain", length: 1 }],
  ["chain 7", { kind: "chain", length: 7 }],
  ["branching 2-2-2-2", { kind: "rsd-c", branching: [2, 2, 2, 2] }],
  ["branching 4-2-1", { kind: "rsd-c", branching: [4, 2, 1] }],
  ["best-first, the default", { kind: "best-first" }],
  ["best-first 5, narrow", { kind: "best-first", nodes: 5, depth: 6, width: 2 }],
];
const EXTREMES: [string, TreeOptions][] = [
  ["chain 63", { kind: "chain", length: 63 }],
  ["branching 63", { kind: "rsd-c", branching: [63] }],
  ["best-first 64, deep", { kind: "best-first", nodes: 64, depth: 12, width: 8 }],
];

const LONG = Array.from({ length: 75 }, (_, i) => (i * 31 + 5) % 300);
const PROMPTS = [[1], [1, 2], [1, 40, 17, 233], LONG];

const SIZES: TinyModelOptions = { layers: 3, decay: 0.4 };
const F32 = tinyModel(SIZES);
const F16 = tinyModel({
  ...SIZES,
  dtype: "F16",
  tied: false,
  seed: 9,
  hidden: 64,
  intermediate: 172,
});
/** A draft that knows nothing of either target. */
const STRANGER = tinyModel({ layers: 1, seed: 77 });

/** Compares speculation with plain decoding on every prompt, `count` tokens each; returns the block efficiency. */
async function compare(
  model: TinyModel,
  tree: TreeOptions,
  draft: TinyModel,
  layers: number,
  prompts: number[][],
  count: number,
) {
  return withGpu(async (gpu) => {
    const target = await loadTestModel(gpu, model.files);
    const plain = await roundSession(gpu, target);
    const session = await roundSession(
      gpu,
      target,
      await loadTestModel(gpu, draft.files, { layers }),
      tree,
    );
    let [emitted, rounds] = [0, 0];
    for (const prompt of prompts) {
      const expected = await decodeTokens(plain, prompt, count);
      const actual = await decodeTokens(session, prompt, count);
      expect(actual.tokens).toEqual(expected.tokens);
      emitted += actual.emitted;
      rounds += actual.rounds;
    }
    return emitted / rounds;
  });
}

describe("f32", () => {
  test.each(TREES)("%s, a draft that often agrees", async (_, tree) => {
    expect(await compare(F32, tree, F32, 2, PROMPTS, 24)).toBeGreaterThan(1.1);
  });

  test.each(TREES)("%s, a draft that knows nothing", async (_, tree) => {
    expect(await compare(F32, tree, STRANGER, 1, [[1], LONG], 12)).toBeGreaterThanOrEqual(1);
  });

  test.each(EXTREMES)("%s", async (_, tree) => {
    expect(await compare(F32, tree, F32, 2, [[1, 40, 17, 233]], 16)).toBeGreaterThan(1.1);
  });

  test("the target as its own draft has every path accepted", async () => {
    await withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, F32.files);
      const draft = await loadTestModel(gpu, F32.files);
      const session = await roundSession(gpu, target, draft, { kind: "chain", length: 5 });
      const { emitted, rounds } = await decodeTokens(session, [1, 2, 3], 60);
      expect(emitted / rounds).toBe(6);
    });
  });
});

test.each([TREES[3]!, TREES[4]!])("f16 weights, untied: %s", async (_, tree) => {
  expect(await compare(F16, tree, F16, 2, [[1], LONG], 24)).toBeGreaterThan(1.1);
});

describe("weights in blocks", () => {
  test("a target in q4 with drafts in q8, in q4 and of its own first layers", () =>
    withGpu(async (gpu) => {
      const target = await loadTestModel(gpu, F32.files, { dtype: "q4" });
      const drafts = [
        await loadTestModel(gpu, F32.files, { dtype: "q8", layers: 2 }),
        new LanguageModel(
          gpu.buffers.child("first layers"),
          { ...target.config, layers: 2 },
          { ...target.weights, layers: target.weights.layers.slice(0, 2) },
          target.contextLength,
        ),
      ];
      const plain = await roundSession(gpu, target);
      for (const draft of drafts) {
        const session = await roundSession(gpu, target, draft, { kind: "best-first" });
        for (const prompt of [[1, 40, 17, 233], LONG]) {
          const expected = await decodeTokens(plain, prompt, 24);
          const actual = await decodeTokens(session, prompt, 24);
          expect(actual.tokens).toEqual(expected.tokens);
          expect(actual.rounds).toBeLessThan(24);
        }
      }
    }));
});

test("the comparison can fail: another target gives another text", async () => {
  await withGpu(async (gpu) => {
    const plain = await roundSession(gpu, await loadTestModel(gpu, F32.files));
    const other = await roundSession(gpu, await loadTestModel(gpu, F32.files, { layers: 2 }));
    const [a, b] = [await decodeTokens(plain, LONG, 24), await decodeTokens(other, LONG, 24)];
    expect(a.tokens).not.toEqual(b.tokens);
  });
});

describe.skipIf(!hasStories)("stories260K", () => {
  test(
    "greedy text is the golden, with and without speculation",
    { timeout: 180_000 },
    async () => {
      const [bos, ...expected] = storiesGolden().tokens;
      await withGpu(async (gpu) => {
        const target = await loadTestModel(gpu, storiesFiles());
        const draft = await loadTestModel(gpu, storiesFiles(), { layers: 4 });
        const plain = await decodeTokens(await roundSession(gpu, target), [bos!], expected.length);
        expect(plain.tokens).toEqual(expected);
        const session = await roundSession(gpu, target, draft, { kind: "best-first" });
        const tree = await decodeTokens(session, [bos!], 100);
        expect(tree.tokens).toEqual(expected.slice(0, 100));
        expect(tree.emitted / tree.rounds).toBeGreaterThan(1.5);
      });
    },
  );
});
