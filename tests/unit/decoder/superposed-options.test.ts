// Every option of the superposed decoder has a range, and nothing is ignored in silence.
import { describe, expect, test } from "vitest";
import { wantsDrafts } from "../../../src/decoder/drafts-request.ts";
import { nameOf, ngramWarnings, resolveDrafts } from "../../../src/decoder/superposed/options.ts";

const engine = { vocabSize: 4096 };
const resolve = (decoder: object = {}, options: object = {}) =>
  resolveDrafts({ ...options, decoder: { kind: "superposed", ...decoder } }, engine);

test("the defaults are the paper's", () => {
  expect(resolve()).toEqual({
    decoder: {
      drafts: 3,
      candidates: 9,
      alpha: 0.54,
      temperature: 0.06,
      lambdas: [0.01, 0.04, 0.15, 0.18, 0.12],
      ngrams: undefined,
      maxDraftTokens: 10,
      reset: undefined,
    },
    seed: 0,
    steps: 10,
    roundsPerReadback: undefined,
    warnings: [],
  });
  expect(resolve({ drafts: 10 }).decoder.candidates).toBe(30);
  expect(
    resolveDrafts({ decoder: { kind: "superposed" } }, { vocabSize: 7 }).decoder.candidates,
  ).toBe(7);
});

test("what wants drafts, and what does not", () => {
  expect(wantsDrafts({ decoder: { kind: "superposed" } })).toBe(true);
  for (const other of [
    undefined,
    null,
    3,
    {},
    { decoder: null },
    { decoder: { kind: "greedy" } },
  ]) {
    expect(wantsDrafts(other)).toBe(false);
  }
});

describe("refused", () => {
  test.each<[string, object]>([
    ["drafts below 2", { drafts: 1 }],
    ["drafts above 10", { drafts: 11 }],
    ["half a draft", { drafts: 2.5 }],
    ["alpha below 0", { alpha: -0.1 }],
    ["alpha above 1", { alpha: 1.1 }],
    ["no temperature", { temperature: 0 }],
    ["temperature below 0", { temperature: -1 }],
    ["a temperature that is no number", { temperature: Number.NaN }],
    ["a temperature out of sight", { temperature: 101 }],
    ["fewer candidates than drafts", { drafts: 5, candidates: 4 }],
    ["more candidates than fit", { candidates: 65 }],
    ["no tokens", { maxDraftTokens: 0 }],
    ["too many tokens", { maxDraftTokens: 257 }],
    ["lambdas that are no list", { lambdas: 0.5 }],
    ["no lambdas", { lambdas: [] }],
    ["an order above 6", { lambdas: [1, 1, 1, 1, 1, 1] }],
    ["a lambda above 1", { lambdas: [1.5] }],
    ["a lambda that is missing", { lambdas: [undefined, 1] }],
    ["lambdas of 0", { lambdas: [0, 0] }],
    ["a reset that is no object", { reset: 5 }],
    ["a reset of 0", { reset: { every: 0 } }],
    ["a reset without a distance", { reset: {} }],
    ["an unknown pick", { reset: { every: 3, pick: "worst" } }],
    ["an unknown source", { ngrams: "web" }],
    ["a source that is nothing", { ngrams: [null] }],
    ["two sources in one", { ngrams: { text: "a", from: "model" } }],
    ["a weight alone", { ngrams: [{ weight: 1 }] }],
    ["a weight of 0", { ngrams: [{ text: "a", weight: 0 }] }],
    ["an unknown origin", { ngrams: [{ from: "web" }] }],
    ["an empty text", { ngrams: [{ text: "" }] }],
    ["a relative URL", { ngrams: [{ file: "./ngrams.bin" }] }],
    ["the URL of a Blob", { ngrams: [{ file: "blob:https://page.test/1" }] }],
    ["a file that is none", { ngrams: [{ file: 3 }] }],
    ["nine sources", { ngrams: Array.from({ length: 9 }, () => "prompt") }],
  ])("%s", (_, decoder) => {
    expect(() => resolve(decoder)).toThrow(expect.objectContaining({ code: "option-invalid" }));
  });

  test.each<[string, object, object]>([
    ["of the decoder", { beams: 3 }, {}],
    ["of a reset", { reset: { every: 3, seed: 1 } }, {}],
    ["of a source", { ngrams: [{ text: "a", order: 3 }] }, {}],
    ["of the request", {}, { topics: 3 }],
  ])("an unknown option %s", (_, decoder, options) => {
    const unknown = expect.objectContaining({ code: "option-unknown" });
    expect(() => resolve(decoder, options)).toThrow(unknown);
  });

  test("what all decoders share is checked, too", () => {
    for (const options of [
      { seed: -1 },
      { maxNewTokens: 0 },
      { roundsPerReadback: 17 },
      { stop: 3 },
    ]) {
      expect(() => resolve({}, options)).toThrow(
        expect.objectContaining({ code: "option-invalid" }),
      );
    }
  });
});

test("sources come with their weights as shares", () => {
  const bytes = new Uint8Array(3);
  const ngrams = [
    "model",
    { from: "prompt", weight: 2 },
    { text: "a b", weight: 4 },
    { file: bytes },
  ];
  expect(resolve({ ngrams }).decoder.ngrams).toEqual([
    { from: "model", weight: 1 / 8 },
    { from: "prompt", weight: 2 / 8 },
    { text: "a b", weight: 4 / 8 },
    { file: bytes, weight: 1 / 8 },
  ]);
  expect(resolve({ ngrams: "prompt" }).decoder.ngrams).toEqual([{ from: "prompt", weight: 1 }]);
  expect(resolve({ ngrams: { file: "/a/n.bin" } }).decoder.ngrams).toHaveLength(1);
  expect(resolve({ ngrams: [] }).decoder.ngrams).toEqual([]);
  expect(nameOf({ file: "/a/n.bin" })).toBe("/a/n.bin");
});

test("the shorter of maxDraftTokens and maxNewTokens counts", () => {
  expect(resolve({ maxDraftTokens: 20 }, { maxNewTokens: 5 }).steps).toBe(5);
  expect(resolve({ maxDraftTokens: 20 }, { maxNewTokens: 50 }).steps).toBe(20);
});

test("what does not apply is said", () => {
  const warningsOf = (decoder: object, options: object) =>
    resolve(decoder, options).warnings.join("\n");
  for (const [name, value, off] of [
    ["stop", ["a"], []],
    ["timings", true, false],
    ["trees", true, false],
    ["bannedTokens", [3], []],
    ["logProbabilities", 3, undefined],
  ] as const) {
    const warning = `${name} is given, but does not apply to drafts.`;
    expect(warningsOf({}, { [name]: value })).toBe(warning);
    expect(warningsOf({}, { [name]: off })).toBe("");
  }
  expect(warningsOf({}, { seed: 3 })).toMatch(/seed/);
  expect(warningsOf({ reset: { every: 3, pick: "sample" } }, { seed: 3 })).toBe("");
  expect(warningsOf({ reset: { every: 10 } }, {})).toMatch(/no reset/);
});

test("n-grams that are missing, or not used, are said", () => {
  const { decoder } = resolve();
  expect(ngramWarnings(decoder, {}, 1)).toEqual([]);
  expect(ngramWarnings(decoder, {}, 0).join()).toMatch(/cross products/);
  expect(ngramWarnings(decoder, { alpha: 0.54 }, 0).join()).toMatch(/alpha is 0.54/);
  expect(ngramWarnings({ ...decoder, alpha: 0 }, { alpha: 0 }, 1).join()).toMatch(/alpha is 0/);
});
