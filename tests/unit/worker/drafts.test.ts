// Requests for drafts: page, boundary and host together, with a fake engine behind.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import {
  type DraftsOptions,
  type DraftsPart,
  type DraftsStream,
  type Engine,
  loadEngine,
} from "../../../src/index.ts";
import { ids } from "../decoder/fake-session.ts";
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
const superposed = (decoder: object = {}): DraftsOptions => ({
  decoder: { kind: "superposed", maxDraftTokens: 4, ...decoder },
});

async function partsOf(stream: AsyncIterable<DraftsPart>): Promise<DraftsPart[]> {
  const parts: DraftsPart[] = [];
  for await (const part of stream) parts.push(part);
  return parts;
}

test("drafts come as parts, and as a result", async () => {
  const stream = engine.generate("xyz", superposed());
  const parts = await partsOf(stream);
  const result = await stream.result;
  expect(parts.filter(({ type }) => type === "drafts")).toHaveLength(4);
  expect(parts.at(-1)).toEqual({ type: "text-end", result });
  expect(result.drafts.map(({ text }) => text)).toEqual(["aaaa", "aaab", "aaba"]);
  expect(result.usage).toEqual({ promptTokens: ids("xyz").length, completionTokens: 4 });
});

test("without n-grams a warning says what that means", async () => {
  const parts = await partsOf(engine.generate("xyz", superposed()));
  expect(parts[1]).toMatchObject({
    type: "warning",
    message: expect.stringMatching(/cross products/),
  });
  expect(backend().plans[0]!.plan).toMatchObject({ alpha: 0, ngrams: [], takesMore: false });
});

describe("accepting a draft", () => {
  test("goes on after its tokens, as they are, with the same options", async () => {
    const stream = engine.generate("xyz", superposed({ drafts: 2 }));
    const { drafts } = await stream.result;
    const next = stream.accept(drafts[1]!);
    const { drafts: more, usage } = await next.result;
    expect(backend().superposed.starts[0]!.prompt).toEqual([...ids("xyz"), ...drafts[1]!.tokens]);
    expect(usage.promptTokens).toBe(ids("xyz").length + 4);
    expect(more).toHaveLength(2);
    await next.accept(more[0]!).result;
    const prompt = [...ids("xyz"), ...drafts[1]!.tokens, ...more[0]!.tokens];
    expect(backend().superposed.starts[0]!.prompt).toEqual(prompt);
    expect(backend().plans.map(({ key }) => key)).toEqual(
      Array.from({ length: 3 }, () => backend().plans[0]!.key),
    );
  });

  test("while the stream still runs ends the stream", async () => {
    const stream = engine.generate("xyz", superposed());
    for await (const part of stream) {
      if (part.type !== "drafts") continue;
      const { drafts } = await stream.accept(part.drafts[0]!).result;
      expect(drafts).toHaveLength(3);
      break;
    }
    await expect(stream.result).rejects.toMatchObject({ code: "aborted" });
  });

  test("that ended the text leaves nothing", async () => {
    const stream = engine.generate("xyz", superposed());
    const { drafts } = await stream.result;
    const over = await stream.accept({ ...drafts[0]!, done: true }).result;
    expect(over).toMatchObject({ finishReason: "end-of-text", drafts: [{ text: "", done: true }] });
  });

  test("of another kind is refused", async () => {
    const stream = engine.generate("xyz", superposed());
    for (const draft of [undefined, 3, {}, { tokens: [1.5] }, { tokens: [128] }]) {
      const { result } = stream.accept(draft as never);
      await expect(result).rejects.toMatchObject({ code: "option-invalid" });
    }
    const tokens = Array.from({ length: 1999 }, () => 97);
    const { result } = stream.accept({ tokens } as never);
    await expect(result).rejects.toMatchObject({ code: "context-overflow" });
  });
});

describe("n-grams", () => {
  const section = { length: 1, keys: [97], starts: [0, 1], tokens: [98], shares: [1] };

  test("the model's table is used where there is one", async () => {
    backend().table = Promise.resolve([section, { ...section, length: 2, keys: [97, 97] }]);
    const parts = await partsOf(engine.generate("xyz", superposed({ lambdas: [0.5] })));
    expect(parts.some(({ type }) => type === "warning")).toBe(false);
    const { plan } = backend().plans[0]!;
    // Of the orders those count that have a weight.
    expect(plan).toMatchObject({ alpha: 0.54, ngrams: [{ scale: 0.5 }], takesMore: false });
    expect(plan.ngrams[0]!.section).toEqual(section);
  });

  test("asked for, and not there", async () => {
    const { result } = engine.generate("xyz", superposed({ ngrams: "model" }));
    await expect(result).rejects.toMatchObject({ code: "file-missing" });
  });

  test("a text is counted, the prompt is counted anew for every start", async () => {
    const ngrams = [{ text: "abab" }, { from: "prompt", weight: 3 }] as const;
    await engine.generate("xyxy", superposed({ ngrams, lambdas: [0.5, 0.25] })).result;
    const { plan } = backend().plans[0]!;
    expect(plan.takesMore).toBe(true);
    expect(plan.ngrams.map(({ section: { length }, scale }) => [length, scale])).toEqual([
      [1, 0.25 * 0.5],
      [2, 0.25 * 0.25],
    ]);
    const [start] = backend().superposed.starts;
    expect(start!.ngrams.map(({ scale }) => scale)).toEqual([0.75 * 0.5, 0.75 * 0.25]);
    expect([...(start!.ngrams[0]!.section.keys as number[])]).toEqual(ids("xy").slice(-2));
  });

  test("a file of another vocabulary, and one that is none", async () => {
    const table = new Uint8Array(200);
    table.set([78, 71, 82, 77, 1, 0, 0, 0, 0, 16, 0, 0, 1]);
    const other = engine.generate("xyz", superposed({ ngrams: { file: new Blob([table]) } }));
    await expect(other.result).rejects.toMatchObject({ code: "vocabulary-mismatch" });
    const none = engine.generate("xyz", superposed({ ngrams: { file: table.fill(0) } }));
    await expect(none.result).rejects.toMatchObject({ code: "source-invalid" });
  });

  test("without weight they are not used, and a warning says so", async () => {
    const parts = await partsOf(engine.generate("xyz", superposed({ ngrams: "prompt", alpha: 0 })));
    expect(parts[1]).toMatchObject({
      type: "warning",
      message: expect.stringMatching(/alpha is 0/),
    });
    expect(backend().plans[0]!.plan).toMatchObject({ alpha: 0, ngrams: [], takesMore: false });
    expect(backend().superposed.starts[0]!.ngrams).toEqual([]);
  });
});

test("options are checked before anything runs", async () => {
  const { result } = engine.generate("xyz", superposed({ drafts: 11 }));
  await expect(result).rejects.toMatchObject({ code: "option-invalid" });
  const unknown = engine.generate("xyz", { decoder: { kind: "superposed", width: 3 } } as never);
  await expect(unknown.result).rejects.toMatchObject({ code: "option-unknown" });
  expect(backend().plans).toEqual([]);
  // Only a decoder of drafts goes on after a draft.
  const text = engine.generate("xyz", { decoder: { kind: "greedy" }, maxNewTokens: 1 });
  await text.result;
  const wrong = (text as unknown as DraftsStream).accept({ tokens: [9] } as never);
  await expect(wrong.result).rejects.toMatchObject({ code: "option-invalid" });
});
