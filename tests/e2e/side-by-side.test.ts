// Beams and samples of the embedded pair's target, through the public API in a real browser.
import { join } from "node:path";
import type { DraftsOptions, DraftsResult, GenerateOptions, GenerateResult } from "coppice";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../../scripts/lib/files.mjs";
import { TestBrowser, valueOf } from "./browser.ts";

const PROMPT = "Once upon a time";
const COUNT = 10;
let browser: TestBrowser;
beforeAll(async () => {
  browser = await TestBrowser.open({ mounts: { "/models/tales/": join(ROOT, "models/tales") } });
  valueOf(await browser.load("tales", { target: "/models/tales/target/" }));
});
afterAll(() => browser.close());

async function resultOf<Result>(options: DraftsOptions | GenerateOptions): Promise<Result> {
  const request = [PROMPT, { maxNewTokens: COUNT, ...options } as GenerateOptions] as const;
  const run = browser.page.evaluate(
    ([prompt, given]) =>
      e2e.attempt(
        () => e2e.engines.get("tales")!.generate(prompt, given).result as Promise<unknown>,
      ),
    request,
  );
  return valueOf(await run) as Result;
}

test("one beam is the greedy text", async () => {
  const greedy = await resultOf<GenerateResult>({ decoder: { kind: "greedy" } });
  const { drafts } = await resultOf<DraftsResult>({ decoder: { kind: "beam", beams: 1 } });
  expect(drafts.map(({ text }) => text)).toEqual([greedy.text]);
});

test("beams are distinct, ranked, and at least as probable as the greedy text", async () => {
  const one = await resultOf<DraftsResult>({ decoder: { kind: "beam", beams: 1 } });
  const { drafts, metrics } = await resultOf<DraftsResult>({ decoder: { kind: "beam" } });
  expect(new Set(drafts.map(({ text }) => text)).size).toBe(4);
  const ranks = drafts.map(({ perplexity }) => perplexity);
  expect(ranks).toEqual([...ranks].sort((a, b) => a - b));
  expect(drafts[0]!.score).toBeGreaterThanOrEqual(one.drafts[0]!.score);
  // One prefill of all but the last token of the prompt, and a pass per position for all beams.
  expect(metrics.targetForwards).toBe(1 + COUNT);
});

test("a sample is the text of its own seed", async () => {
  const stages = { temperature: 0.8, topP: 0.9 };
  const decoder = { kind: "samples", count: 3, ...stages } as const;
  const { drafts, metrics } = await resultOf<DraftsResult>({ decoder, seed: 7 });
  expect(metrics.targetForwards).toBe(1 + COUNT);
  for (const [i, { text }] of drafts.entries()) {
    const alone = { decoder: { kind: "sample", ...stages }, seed: 7 + i } as const;
    expect(text).toBe((await resultOf<GenerateResult>(alone)).text);
  }
});

test("an accepted draft is continued", async () => {
  const run = browser.page.evaluate(
    ([prompt, maxNewTokens]) =>
      e2e.attempt(async () => {
        const options = { decoder: { kind: "beam", beams: 2 }, maxNewTokens } as const;
        const stream = e2e.engines.get("tales")!.generate(prompt, options);
        const { drafts, usage } = await stream.result;
        const next = await stream.accept(drafts[1]!).result;
        return { before: usage.promptTokens + drafts[1]!.tokens.length, after: next.usage };
      }),
    [PROMPT, 5] as const,
  );
  const { before, after } = valueOf(await run);
  expect(after).toEqual({ promptTokens: before, completionTokens: 5 });
});
