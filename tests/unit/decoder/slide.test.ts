// Texts that are longer than the context: what the model still sees, and what the session is told.
import { describe, expect, test } from "vitest";
import { resolveGenerateOptions } from "../../../src/decoder/generate-options.ts";
import { slideOf } from "../../../src/decoder/overflow-options.ts";
import { TextWindow } from "../../../src/decoder/text-window.ts";
import { deltas, END, FakeSession, ids, plain, round, run } from "./fake-session.ts";

const alphabet = "abcdefghijklmnopqrstuvwxyz";
const letters = [...alphabet].map((letter) => plain(ids(letter)[0]!));

describe("the window", () => {
  test("is the whole text while that fits", () => {
    const window = new TextWindow([1, 2, 3], 5, 9, { keep: 1 });
    window.push([4]);
    expect(window.tokens).toEqual([1, 2, 3, 4]);
    expect(window.room).toBe(1);
    expect(window.seed).toBe(9);
  });

  test("keeps the beginning and the latest half of the rest", () => {
    const window = new TextWindow([1, 2, 3, 4, 5, 6], 10, 0, { keep: 2 });
    window.push([7, 8, 9, 10]);
    expect(window.room).toBe(0);
    window.slide();
    expect(window.tokens).toEqual([1, 2, 7, 8, 9, 10]);
  });

  test.each([
    [2, 0],
    [3, 0],
    [3, 1],
    [9, 7],
    [10, 7],
    [64, 1],
  ])("a context of %d that keeps %d always has a token to go on from, and room", (size, keep) => {
    const window = new TextWindow([100], size, 0, { keep });
    for (let i = 0; i < 5 * size; i++) {
      if (window.room === 0) window.slide();
      expect(window.tokens.length).toBeGreaterThan(0);
      expect(window.room).toBeGreaterThan(0);
      window.push([i]);
      expect(window.tokens.at(-1)).toBe(i);
    }
  });

  test("a long prompt loses its middle at once", () => {
    const prompt = Array.from({ length: 50 }, (_, i) => i);
    const window = new TextWindow(prompt, 10, 7, { keep: 2 });
    expect(window.tokens).toEqual([0, 1, 46, 47, 48, 49]);
    expect(window.seed).toBe(7);
  });

  test("every window draws with a seed of its own", () => {
    const window = new TextWindow([1], 4, 0xffff_ffff, { keep: 0 });
    const seeds = new Set<number>();
    for (let i = 0; i < 1000; i++) {
      seeds.add(window.seed);
      expect(Number.isInteger(window.seed) && window.seed >= 0 && window.seed < 2 ** 32).toBe(true);
      window.slide();
    }
    expect(seeds.size).toBe(1000);
  });
});

describe("the text", () => {
  test("goes on where it was, to maxNewTokens", async () => {
    const session = new FakeSession(letters, 8);
    const { result, parts } = await run(session, { maxNewTokens: 26, slide: { keep: 1 } });
    expect(result.text).toBe(alphabet);
    expect(result.finishReason).toBe("length");
    expect(result.usage).toEqual({ promptTokens: 3, completionTokens: 26 });
    expect(parts.some((part) => part.type === "warning")).toBe(false);
    const [first, second, third] = session.starts;
    expect(first).toMatchObject({ prompt: [1, 2, 3], seed: 0, maxNewTokens: 26 });
    expect(first).toMatchObject({ written: 0 });
    expect(first!.sameText).toBeUndefined();
    // abcde fill the context; three tokens and the prompt's first stay.
    expect(second).toMatchObject({
      prompt: [1, ...ids("cde")],
      seed: 0x9e3779b9,
      maxNewTokens: 21,
      written: 5,
      sameText: true,
    });
    expect(third).toMatchObject({ prompt: [1, ...ids("ghi")], written: 9 });
  });

  test("does not depend on how many tokens a round gives: what is beyond the context is dropped", async () => {
    const one = new FakeSession(letters, 8);
    // A round that crosses the end of the context is cut there, and the next window's noise is another's.
    const script = [round(ids("abc")), round(ids("dexx")), round(ids("fghi")), round(ids("jklm"))];
    const many = new FakeSession(script, 8);
    const options = { maxNewTokens: 13, slide: { keep: 1 } };
    const expected = await run(one, options);
    const { result, parts } = await run(many, options);
    expect(result.text).toBe(expected.result.text);
    expect(many.starts.map(({ prompt }) => prompt)).toEqual(one.starts.map(({ prompt }) => prompt));
    expect(deltas(parts).map(({ text }) => text)).toEqual(["abc", "de", "fghi", "jklm"]);
    expect(result.metrics.blockEfficiency).toBeCloseTo(13 / 4);
  });

  test("ends at the model's end of text and at stop strings, across windows too", async () => {
    const slide = { keep: 0 };
    const ends = new FakeSession([...letters.slice(0, 9), plain(END)], 6);
    expect((await run(ends, { maxNewTokens: 99, slide })).result).toMatchObject({
      text: "abcdefghi",
      finishReason: "end-of-text",
    });
    // c is the last token of the first window.
    const stops = await run(new FakeSession(letters, 6), { maxNewTokens: 99, slide, stop: ["cd"] });
    expect(stops.result).toMatchObject({ text: "ab", finishReason: "stop" });
  });

  test("a prompt that fills the context goes on from its end, with a warning", async () => {
    const prompt = Array.from({ length: 40 }, (_, i) => i);
    const session = new FakeSession(letters, 8);
    const { result, parts } = await run(session, { prompt, maxNewTokens: 4, slide: { keep: 2 } });
    expect(session.starts[0]!.prompt).toEqual([0, 1, 37, 38, 39]);
    expect(result.usage.promptTokens).toBe(40);
    expect(parts[1]).toEqual({
      type: "warning",
      message:
        "The prompt has 40 tokens; the context holds 8, so the model does not see 35 of them.",
    });
  });

  test("mu goes on from the last token that counted", async () => {
    const surprises = (...mus: number[]) => mus.map((mu) => ({ mu, surprise: 1, kept: 2 }));
    const script = [
      round([0, 1], { surprises: surprises(5, 4) }),
      round([2, 3], { surprises: surprises(3, 2) }),
    ];
    const session = new FakeSession(script, 6);
    await run(session, { maxNewTokens: 5, slide: { keep: 0 } });
    expect(session.starts[1]).toMatchObject({ written: 3, mu: 3 });
  });

  test("an abort ends it between windows", async () => {
    const controller = new AbortController();
    const session = new FakeSession(letters, 6);
    session.onRound = (index) => {
      if (index === 2) controller.abort();
    };
    const { signal } = controller;
    await expect(run(session, { maxNewTokens: 9, slide: { keep: 0 }, signal })).rejects.toThrow();
    expect(session.starts).toHaveLength(1);
  });
});

describe("a text that was broken off", () => {
  test("goes on after its tokens, which are neither given out again nor counted", async () => {
    const session = new FakeSession([round(ids("de")), round(ids("fg"))], 64);
    const continueFrom = ids("abc");
    const { result, parts } = await run(session, { continueFrom, maxNewTokens: 4 });
    expect(session.starts).toEqual([
      expect.objectContaining({ prompt: [1, 2, 3, ...continueFrom], written: 3, maxNewTokens: 4 }),
    ]);
    expect(result).toMatchObject({ text: "defg", tokens: ids("defg"), finishReason: "length" });
    expect(result.usage).toEqual({ promptTokens: 6, completionTokens: 4 });
    expect(parts[0]).toEqual({ type: "text-start", promptTokens: 6 });
  });

  test.each([2, 5, 6, 9, 20])("slides as the whole text did, %d tokens in", async (cut) => {
    const slide = { keep: 1 };
    const whole = new FakeSession(letters, 8);
    await run(whole, { maxNewTokens: 26, slide });
    const rest = new FakeSession(letters.slice(cut), 8);
    const continueFrom = ids(alphabet.slice(0, cut));
    const { result } = await run(rest, { continueFrom, maxNewTokens: 26 - cut, slide });
    expect(result.text).toBe(alphabet.slice(cut));
    // The windows that begin later are the very same, seeds and all.
    const later = whole.starts.filter(({ written }) => written! > cut);
    const same = rest.starts.slice(-later.length);
    for (const [i, { prompt, seed, written }] of later.entries()) {
      expect(same[i]).toMatchObject({ prompt, seed, written });
    }
    expect(later.length).toBeGreaterThan(0);
  });

  test("leaves room for another token, or is refused", () => {
    const options = { continueFrom: [1, 2, 300] };
    expect(() => resolveGenerateOptions(options, { hasDraft: false, vocabSize: 300 })).toThrow(
      "continueFrom[2] is 300; it must be a whole number from 0 to 299.",
    );
    expect(() =>
      resolveGenerateOptions({ continueFrom: "abc" }, { hasDraft: false, vocabSize: 300 }),
    ).toThrow('continueFrom is "abc"; it must be a list of token ids.');
  });
});

describe("the option", () => {
  const resolve = (options: object) =>
    resolveGenerateOptions(options, { hasDraft: false, vocabSize: 300 }).overflow;

  test.each([
    [{}, undefined],
    [{ overflow: "end" }, undefined],
    [{ overflow: "slide", maxNewTokens: 1 }, { keep: undefined }],
    [{ overflow: { kind: "slide" }, maxNewTokens: 1 }, { keep: undefined }],
    [{ overflow: { kind: "slide", keep: 4 }, maxNewTokens: 1 }, { keep: 4 }],
  ])("%j", (options, expected) => expect(resolve(options)).toEqual(expected));

  test.each([
    [{ overflow: "slide" }, "option-invalid", /maxNewTokens is missing/],
    [{ overflow: "stop" }, "option-invalid", /overflow is "stop"; it must be "end" or "slide"/],
    [{ overflow: null }, "option-invalid", /overflow is null/],
    [{ overflow: { keep: 1 }, maxNewTokens: 1 }, "option-invalid", /overflow.kind is missing/],
    [{ overflow: { kind: "end" } }, "option-invalid", /overflow.kind is "end"/],
    [{ overflow: { kind: "slide", kept: 1 } }, "option-unknown", /no field "kept"/],
    [
      { overflow: { kind: "slide", keep: -1 }, maxNewTokens: 1 },
      "option-invalid",
      /overflow.keep is -1/,
    ],
    [
      { overflow: { kind: "slide", keep: 1.5 }, maxNewTokens: 1 },
      "option-invalid",
      /overflow.keep is 1.5/,
    ],
  ])("%j is refused", (options, code, message) => {
    expect(() => resolve(options)).toThrow(
      expect.objectContaining({ code, message: expect.stringMatching(message) as string }) as Error,
    );
  });

  test("keeps the beginning-of-text token where the prompt has one", () => {
    const tokenizer = { beginOfText: 7, encode: () => [] };
    expect(slideOf({ keep: undefined }, [7, 1], tokenizer, 10)).toEqual({ keep: 1 });
    expect(slideOf({ keep: undefined }, [1, 7], tokenizer, 10)).toEqual({ keep: 0 });
    expect(slideOf({ keep: undefined }, [7], tokenizer, 2)).toEqual({ keep: 0 });
    expect(slideOf({ keep: 8 }, [1], tokenizer, 10)).toEqual({ keep: 8 });
    expect(() => slideOf({ keep: 9 }, [1], tokenizer, 10)).toThrow(/overflow.keep is 9.*0 to 8/);
  });
});
