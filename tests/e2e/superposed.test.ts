// Superposed drafts of the embedded pair's target, through the public API in a real browser.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Draft, DraftsOptions, DraftsPart, DraftsResult } from "coppice";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";
import { TestBrowser, valueOf } from "./browser.ts";

const TALES = join(ROOT, "models/tales");
const PROMPT = "The old man looked at the";
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open({ mounts: { "/models/tales/": TALES } });
  valueOf(await browser.load("tales", { target: "/models/tales/target/" }));
});
afterAll(() => browser.close());

interface Drafted {
  readonly parts: DraftsPart[];
  readonly result: DraftsResult;
}

/** Drafts after the prompt, or with `accept` after that draft of theirs, and the next. */
async function draft(decoder: object, accept: readonly number[] = []): Promise<Drafted> {
  const options = { decoder: { kind: "superposed", ...decoder } } as DraftsOptions;
  const request = [PROMPT, options, accept] as const;
  const run = browser.page.evaluate(
    ([prompt, given, picks]) =>
      e2e.attempt(async () => {
        let stream = e2e.engines.get("tales")!.generate(prompt, given);
        for (const pick of picks) {
          const { drafts } = await stream.result;
          stream = stream.accept(drafts[pick]!);
        }
        const parts: DraftsPart[] = [];
        for await (const part of stream) parts.push(part);
        return { parts, result: await stream.result };
      }),
    request,
  );
  return valueOf(await run);
}

const textsOf = ({ result }: Drafted) => result.drafts.map(({ text }) => text);

test("three drafts, revised as they grow, one pass per token for all of them", async () => {
  const { parts, result } = await draft({ maxDraftTokens: 8 });
  expect(parts[0]).toMatchObject({ type: "text-start" });
  const sets = parts.filter((part) => part.type === "drafts");
  expect(sets).toHaveLength(8);
  expect(parts.at(-1)).toEqual({ type: "text-end", result });
  const { drafts, metrics, usage } = result;
  expect(drafts).toHaveLength(3);
  expect(new Set(drafts.map(({ text }) => text)).size).toBe(3);
  const ranks = drafts.map(({ perplexity }: Draft) => perplexity);
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  expect(metrics.steps).toBe(8);
  // One prefill of all but the last token of the prompt.
  expect(metrics.targetForwards).toBe(1 + 8);
  expect(usage).toEqual({ promptTokens: usage.promptTokens, completionTokens: 8 });
  expect(metrics.readbacks).toBeLessThanOrEqual(8);
});

test("ten drafts cost no pass more", async () => {
  const decoder = { drafts: 10, maxDraftTokens: 5, temperature: 0.5 };
  const { result } = await draft(decoder);
  expect(result.drafts).toHaveLength(10);
  expect(result.metrics.targetForwards).toBe(1 + 5);
  // The second time the prompt is in the cache.
  expect((await draft(decoder)).result.metrics.targetForwards).toBe(5);
});

test("an accepted draft is gone on from, token for token", async () => {
  const first = await draft({ maxDraftTokens: 4 });
  const kept = first.result.drafts[1]!;
  const { result } = await draft({ maxDraftTokens: 4 }, [1]);
  expect(result.usage.promptTokens).toBe(first.result.usage.promptTokens + kept.tokens.length);
  // The accepted tokens in one pass, then one pass per token.
  expect(result.metrics.targetForwards).toBe(1 + 4);
  const twice = await draft({ maxDraftTokens: 4 }, [1, 0]);
  expect(twice.result.usage.promptTokens).toBe(result.usage.promptTokens + 4);
  expect(twice.result.drafts[0]!.text).not.toBe("");
});

test("n-grams: the model's own, the same table by its address or as bytes, a text, the prompt", async () => {
  const decoder = { maxDraftTokens: 6, temperature: 0.5 };
  const model = textsOf(await draft({ ...decoder, ngrams: "model" }));
  expect(textsOf(await draft(decoder)), "the default").toEqual(model);
  const file = "/models/tales/target/ngrams.bin";
  expect(textsOf(await draft({ ...decoder, ngrams: { file } }))).toEqual(model);
  const inPage = await browser.page.evaluate(
    async ([path, prompt, options]) => {
      const bytes = await (await fetch(path)).blob();
      const ngrams = { file: bytes };
      const engine = e2e.engines.get("tales")!;
      return engine.generate(prompt, { decoder: { kind: "superposed", ...options, ngrams } })
        .result;
    },
    [file, PROMPT, decoder] as const,
  );
  expect(inPage.drafts.map(({ text }) => text)).toEqual(model);

  const none = await draft({ ...decoder, ngrams: [] });
  expect(none.parts[1]).toMatchObject({
    type: "warning",
    message: expect.stringMatching(/no n-grams/),
  });
  expect(textsOf(none)).not.toEqual(model);
  // A text that says what follows decides it, though the model would not have.
  const story = `${PROMPT} moon and the moon looked at the old man and laughed.`;
  const told = await draft({
    ...decoder,
    candidates: 64,
    alpha: 0.95,
    ngrams: [{ text: story }, "prompt"],
  });
  expect(textsOf(told)[0]).toMatch(/^ (moon|old man) and/);
});

test("resets: a pass more for each, and drafts that share what was picked", async () => {
  const { result } = await draft({ maxDraftTokens: 9, reset: { every: 4 } });
  const shared = result.drafts.map(({ tokens }) => tokens.slice(0, 8).join());
  expect(new Set(shared).size).toBe(1);
  expect(result.metrics.targetForwards).toBe(1 + 9 + 2);
});

test("a table of another vocabulary is refused, and the engine goes on", async () => {
  const table = readFileSync(join(TALES, "target/ngrams.bin"));
  table.writeUInt32LE(32_000, 8);
  const error = await browser.page.evaluate(
    async ([bytes, prompt]) => {
      const ngrams = { file: Uint8Array.from(bytes) };
      const engine = e2e.engines.get("tales")!;
      const { result } = engine.generate(prompt, { decoder: { kind: "superposed", ngrams } });
      return result.then(
        () => "none",
        (reason: { code: string }) => reason.code,
      );
    },
    [[...table.subarray(0, 2000)], PROMPT] as const,
  );
  expect(error).toBe("vocabulary-mismatch");
  expect((await draft({ maxDraftTokens: 2 })).result.drafts).toHaveLength(3);
});
