// Text from the built package in a real browser: the golden, and speculative text equal to greedy text.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Decoder, GenerateResult, TreeOptions } from "coppice";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";
import { fixturePath, hasStories, storiesGolden } from "../support/fixtures.ts";
import { tinyModel } from "../support/tiny-model.ts";
import { resultOf, TestBrowser, valueOf } from "./browser.ts";

const TALES = join(ROOT, "models/tales");
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open({
    folders: { tiny: tinyModel({ layers: 3, decay: 0.3, context: 96 }).files },
    mounts: {
      ...(hasStories && { "/models/stories/": fixturePath("models/stories260K-hf") }),
      "/models/tales/": TALES,
    },
  });
});
afterAll(() => browser.close());

/** One round is one submission and one readback, whatever the tree; `prefills` are the prompt's passes. */
function expectOneTripPerRound({ metrics }: GenerateResult, prefills: number): void {
  expect(metrics.readbacks).toBe(metrics.rounds);
  expect(metrics.submits).toBe(metrics.rounds + prefills);
}

describe.skipIf(!hasStories)("a real model of 260K parameters", () => {
  const model = "/models/stories/";
  beforeAll(async () => {
    valueOf(await browser.load("stories", { target: model, draft: { model, layers: 4 } }));
  });
  afterAll(() => browser.dispose("stories"));

  test("greedy text is the golden, token for token", async () => {
    const golden = storiesGolden();
    const maxNewTokens = golden.tokens.length - 1;
    const options = { decoder: { kind: "greedy" }, maxNewTokens, roundsPerReadback: 1 };
    const result = resultOf(await browser.generate("stories", "", options));
    expect([1, ...result.tokens]).toEqual(golden.tokens);
    expect(result.text).toBe(golden.text);
    expect(result.usage).toEqual({ promptTokens: 1, completionTokens: golden.tokens.length - 1 });
    expect(result.metrics.blockEfficiency).toBe(1);
    expectOneTripPerRound(result, 0);
  });

  test("so is speculative text, drafted by its own first four layers", async () => {
    const golden = storiesGolden();
    // Small, because a software adapter takes its time for every node.
    const tree = { kind: "best-first", nodes: 6, depth: 3, width: 2 };
    const decoder = { kind: "speculative", tree };
    const options = { decoder, maxNewTokens: golden.tokens.length - 1, roundsPerReadback: 1 };
    const result = resultOf(await browser.generate("stories", "", options));
    expect([1, ...result.tokens]).toEqual(golden.tokens);
    expect(result.text).toBe(golden.text);
    expect(result.metrics.blockEfficiency).toBeGreaterThan(1.5);
    expectOneTripPerRound(result, 0);
  });
});

describe("a tiny random model", () => {
  const TREES: TreeOptions[] = [
    { kind: "chain", length: 3 },
    { kind: "rsd-c", branching: [3, 2] },
    { kind: "best-first" },
  ];
  const PROMPTS = [
    "",
    "the rain",
    "Note: a longer prompt, of more than one pass of sixteen tokens.",
  ];
  const maxNewTokens = 20;
  const greedy = new Map<string, GenerateResult>();

  beforeAll(async () => {
    const model = "/models/tiny/";
    const { facts, progress } = valueOf(
      await browser.load("tiny", { target: model, draft: { model, layers: 2 } }),
    );
    expect(facts).toMatchObject({
      contextLength: 96,
      vocabSize: 300,
      target: { layers: 3 },
      draft: { layers: 2 },
    });
    expect(facts.gpuBytes).toBeGreaterThan(0);
    const weights = progress.filter(({ file }) => file === "model.safetensors").at(-1)!;
    expect(weights.loadedBytes).toBe(weights.totalBytes);
    for (const prompt of PROMPTS) {
      const options = { decoder: { kind: "greedy" }, maxNewTokens };
      greedy.set(prompt, resultOf(await browser.generate("tiny", prompt, options)));
    }
  });
  afterAll(() => browser.dispose("tiny"));

  test.each(TREES)("speculative text is greedy text: $kind", async (tree) => {
    let best = 0;
    for (const prompt of PROMPTS) {
      const options = { decoder: { kind: "speculative", tree }, maxNewTokens };
      const result = resultOf(await browser.generate("tiny", prompt, options));
      const expected = greedy.get(prompt)!;
      expect(result.tokens, JSON.stringify(prompt)).toEqual(expected.tokens);
      expect(result.text).toBe(expected.text);
      expect(result.finishReason).toBe(expected.finishReason);
      best = Math.max(best, result.metrics.blockEfficiency);
    }
    expect(best, "some drafts are accepted").toBeGreaterThan(1);
  });

  test("the parts of a stream join to its result, trees included", async () => {
    const options = { decoder: { kind: "speculative" }, maxNewTokens, trees: true };
    const { parts, result } = valueOf(await browser.generate("tiny", PROMPTS[1]!, options));
    expect(parts[0]).toEqual({ type: "text-start", promptTokens: result!.usage.promptTokens });
    expect(parts.at(-1)).toEqual({ type: "text-end", result });
    const deltas = parts.filter((part) => part.type === "text-delta");
    expect(deltas.map((delta) => delta.text).join("")).toBe(result!.text);
    expect(deltas.flatMap((delta) => delta.tokens.map((token) => token.id))).toEqual(
      result!.tokens,
    );
    const trees = parts.filter((part) => part.type === "tree");
    expect(trees).toHaveLength(result!.metrics.rounds);
    for (const { tree } of trees) {
      expect(tree.parents).toHaveLength(16);
      expect(tree.texts).toHaveLength(16);
      expect(tree.path[0]).toBe(0);
    }
  });

  test("stop strings end the text", async () => {
    const { text } = greedy.get(PROMPTS[1]!)!;
    const stop = [text.slice(4, 7)];
    for (const decoder of [{ kind: "greedy" }, { kind: "speculative" }]) {
      const options = { decoder, maxNewTokens, stop };
      const result = resultOf(await browser.generate("tiny", PROMPTS[1]!, options));
      expect(result.finishReason).toBe("stop");
      expect(result.text).toBe(text.slice(0, text.indexOf(stop[0]!)));
    }
  });

  test("contrastive search is greedy at alpha 0, and another text at its default", async () => {
    const { tokens } = greedy.get(PROMPTS[1]!)!;
    const search = async (decoder: object) =>
      resultOf(
        await browser.generate("tiny", PROMPTS[1]!, {
          decoder: { kind: "contrastive", ...decoder },
          maxNewTokens,
          roundsPerReadback: 4,
        }),
      );
    expect((await search({ alpha: 0 })).tokens).toEqual(tokens);
    const result = await search({});
    expect(result.tokens).not.toEqual(tokens);
    expect(result.metrics.blockEfficiency).toBe(1);
    expect(result.metrics.readbacks).toBeLessThan(result.metrics.rounds);
  });

  test("the context can be filled to its last token", async () => {
    const result = resultOf(
      await browser.generate("tiny", "", { decoder: { kind: "speculative" } }),
    );
    const { promptTokens, completionTokens } = result.usage;
    if (result.finishReason === "length") expect(promptTokens + completionTokens).toBe(96);
  });
});

describe("the embedded pair", () => {
  const maxNewTokens = 16;
  beforeAll(async () => {
    const sources = { target: "/models/tales/target/", draft: "/models/tales/draft/" };
    valueOf(await browser.load("tales", sources));
  });
  afterAll(() => browser.dispose("tales"));

  test("speculative text is greedy text", async () => {
    const prompt = "Once upon a time";
    const decoder = { kind: "greedy" };
    const greedy = resultOf(await browser.generate("tales", prompt, { decoder, maxNewTokens }));
    const options = { maxNewTokens, roundsPerReadback: 1 };
    const speculative = resultOf(await browser.generate("tales", prompt, options));
    expect(speculative.tokens).toEqual(greedy.tokens);
    expect(speculative.text).toBe(greedy.text);
    expect(speculative.metrics.blockEfficiency).toBeGreaterThan(1);
    expectOneTripPerRound(speculative, 2);
  });

  test("the text does not depend on trees chosen while decoding", async () => {
    const write = async (decoder: Decoder) =>
      resultOf(await browser.generate("tales", "The king", { decoder, maxNewTokens: 24, seed: 5 }));
    const sampling = { temperature: 0.8, topP: 0.95 };
    const plain = await write({ kind: "sample", ...sampling });
    const adaptive = await write({ kind: "speculative", tree: "auto", sampling });
    expect(adaptive.tokens).toEqual(plain.tokens);
    expect(adaptive.text).toBe(plain.text);
  });

  test("greedy text is what PyTorch writes with the same files", async () => {
    const goldens = readFileSync(join(TALES, "golden/greedy.json"), "utf8");
    const { target } = JSON.parse(goldens) as { target: { prompt: string; ids: number[] }[] };
    for (const { prompt, ids } of target.slice(0, 3)) {
      const options = { decoder: { kind: "greedy" }, maxNewTokens: 24 };
      const { tokens } = resultOf(await browser.generate("tales", prompt, options));
      expect(tokens).toEqual(ids.slice(0, 24));
    }
  });
});
