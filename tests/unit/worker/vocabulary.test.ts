// Which tokens a trimmed draft knows.
import { expect, test } from "vitest";
import { resolveLoadOptions } from "../../../src/decoder/load-options.ts";
import { keptVocabulary } from "../../../src/worker/host-vocabulary.ts";

/** A letter is a token: a is 0; z ends the text. */
const letters = {
  encode: (text: string) => [...text].map((letter) => letter.charCodeAt(0) - 97),
  endOfText: [25],
};
const kept = (wanted: Parameters<typeof keptVocabulary>[0]) => keptVocabulary(wanted, letters, 26);

test("without a wish all tokens are known", () => {
  expect(kept(undefined)).toBeUndefined();
});

test("ids are sorted, each once", () => {
  expect(kept([7, 3, 7, 25, 0])).toEqual([0, 3, 7, 25]);
});

test("of a text, the most frequent tokens and those that end a text; the lower of two as frequent", () => {
  expect(kept({ text: "dddccbbaa" })).toEqual([0, 1, 2, 3, 25]);
  expect(kept({ text: "dddccbbaa", size: 1 })).toEqual([3, 25]);
  expect(kept({ text: "dddccbbaa", size: 3 })).toEqual([0, 1, 3, 25]);
  expect(kept({ text: "dddccbbaa", size: 99 })).toEqual([0, 1, 2, 3, 25]);
});

test.each([[26], [-1], [1.5], ["a"]])("an id that is none is refused: %s", (id) => {
  expect(() => kept([0, id as number])).toThrow(
    expect.objectContaining({ code: "option-invalid", message: expect.stringContaining("[1]") }),
  );
});

test.each([
  [[]],
  ["abc"],
  [{}],
  [{ text: "" }],
  [{ text: "a", size: 0 }],
  [{ text: "a", sizes: 1 }],
])("a wish that cannot be is refused before anything is fetched: %j", (vocabulary) => {
  const draft = { model: "org/draft", vocabulary };
  expect(() => resolveLoadOptions({ target: "org/target", draft })).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^option-/) }),
  );
});

test("a target has every token", () => {
  const target = { model: "org/target", vocabulary: [1] };
  expect(() => resolveLoadOptions({ target })).toThrow(
    expect.objectContaining({ code: "option-unknown" }),
  );
});
