// Requests for beams and samples: page, boundary and host together, with a fake engine behind.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type DraftsOptions,
  type DraftsPart,
  type Engine,
  loadEngine,
} from "../../../src/index.ts";
import { END, ids } from "../decoder/fake-session.ts";
import { MOST_STEPS } from "../decoder/fake-side-by-side.ts";
import { FakeBackend, FakeWorker } from "./fake-backend.ts";

let engine: Engine;
beforeAll(() => vi.stubGlobal("Worker", FakeWorker));
afterAll(() => vi.unstubAllGlobals());
beforeEach(async () => {
  FakeWorker.backend = new FakeBackend();
  engine = await loadEngine({ target: "fake/model" });
});
afterEach(() => engine.dispose());

const backend = (): FakeBackend => FakeWorker.backend;

async function partsOf(options: DraftsOptions): Promise<DraftsPart[]> {
  const parts: DraftsPart[] = [];
  for await (const part of engine.generate("xyz", options)) parts.push(part);
  return parts;
}

const warningsOf = (parts: readonly DraftsPart[]) =>
  parts.flatMap((part) => (part.type === "warning" ? [part.message] : []));

describe("beams", () => {
  const beam: DraftsOptions = { decoder: { kind: "beam", lengthPenalty: 1 }, maxNewTokens: 6 };

  test("the best by score over length come first, and a text that ended keeps its own length", async () => {
    const { result } = engine.generate("xyz", { ...beam, roundsPerReadback: 5 });
    const { drafts, finishReason, usage, metrics } = await result;
    expect(drafts).toEqual([
      { text: "abcdab", tokens: ids("abcdab"), score: -6, perplexity: Math.E, done: false },
      { text: "ddd", tokens: ids("ddd"), score: -8, perplexity: Math.exp(2), done: true },
    ]);
    expect(finishReason).toBe("length");
    expect(usage).toEqual({ promptTokens: ids("xyz").length, completionTokens: 6 });
    expect(metrics).toMatchObject({ steps: 6, targetForwards: 7 });
    // The first readback is for one step, so that something can be seen soon.
    expect(backend().beams.asked).toEqual([1, 5]);
  });

  test("while it runs, finished and running texts stand side by side", async () => {
    const parts = await partsOf({ ...beam, roundsPerReadback: 4 });
    const shown = parts.flatMap((part) => (part.type === "drafts" ? [part.drafts] : []));
    expect(shown.map((drafts) => drafts.map(({ text }) => text))).toEqual([
      ["a", "d"],
      ["abcda", "ddd"],
      ["abcdab", "ddd"],
    ]);
  });

  test("the session is told what ends a text, and how the search goes", async () => {
    const decoder = { kind: "beam", beams: 6, groups: 2, earlyStopping: "never" } as const;
    await engine.generate("xyz", { decoder, maxNewTokens: 5 }).result;
    expect(backend().beams.started).toMatchObject({ endTokens: [END], maxNewTokens: 5 });
    expect(backend().shapes).toEqual([
      { groups: 2, width: 3, ends: 1, diversity: 0.5, lengthPenalty: 1, earlyStopping: "never" },
    ]);
  });

  test("an accepted draft is continued by its tokens", async () => {
    const stream = engine.generate("xyz", beam);
    const { drafts } = await stream.result;
    await stream.accept(drafts[0]!).result;
    expect(backend().beams.started!.prompt).toEqual([...ids("xyz"), ...ids("abcdab")]);
    const over = await stream.accept(drafts[1]!).result;
    expect(over).toMatchObject({ finishReason: "end-of-text", usage: { completionTokens: 0 } });
  });

  test("more tokens than there is room for: a warning, and as many as fit", async () => {
    const parts = await partsOf({ decoder: { kind: "beam" }, maxNewTokens: 500, seed: 4 });
    expect(backend().beams.started!.maxNewTokens).toBe(MOST_STEPS);
    expect(warningsOf(parts)).toEqual([
      expect.stringMatching(/^seed is given/),
      expect.stringMatching(/room for 100 /),
    ]);
    expect(warningsOf(await partsOf({ decoder: { kind: "beam" } }))).toEqual([]);
    expect(backend().beams.started!.maxNewTokens).toBe(MOST_STEPS);
  });

  test.each([
    [{ beams: 11 }, /beams/],
    [{ beams: 0 }, /beams/],
    [{ beams: 4, groups: 3 }, /does not divide/],
    [{ diversity: 1 }, /one group/],
    [{ groups: 2, diversity: 0 }, /diversity/],
    [{ lengthPenalty: 11 }, /lengthPenalty/],
    [{ earlyStopping: "always" }, /earlyStopping/],
    [{ width: 3 }, /width/],
  ])("%j is refused", async (options, message) => {
    const { result } = engine.generate("xyz", { decoder: { kind: "beam", ...options } } as never);
    await expect(result).rejects.toMatchObject({
      code: expect.stringMatching(/^option-/),
      message: expect.stringMatching(message),
    });
    expect(backend().shapes).toEqual([]);
  });
});

describe("samples", () => {
  test("stand in the order of their seeds, each up to its own end", async () => {
    const decoder = { kind: "samples", count: 2, temperature: 0.5 } as const;
    const { drafts, finishReason } = await engine.generate("xyz", {
      decoder,
      maxNewTokens: 5,
      seed: 9,
    }).result;
    expect(drafts.map(({ text, score, done }) => ({ text, score, done }))).toEqual([
      { text: "abcab", score: -5, done: false },
      { text: "d", score: -2, done: true },
    ]);
    expect(finishReason).toBe("length");
    expect(backend().samples.started).toMatchObject({ seed: 9, maxNewTokens: 5 });
    expect(backend().shapes).toMatchObject([{ count: 2, stages: { temperature: 0.5, topP: 1 } }]);
  });

  test.each([
    [{ count: 1 }, /count/],
    [{ count: 11 }, /count/],
    [{ temperature: 0 }, /same text/],
    [{ topP: 2 }, /topP/],
    [{ tree: "auto" }, /tree/],
  ])("%j is refused", async (options, message) => {
    const decoder = { kind: "samples", ...options };
    const { result } = engine.generate("xyz", { decoder } as never);
    await expect(result).rejects.toMatchObject({
      code: expect.stringMatching(/^option-/),
      message: expect.stringMatching(message),
    });
    expect(backend().shapes).toEqual([]);
  });
});
