// What a page shows while text is written never has to be taken back: by any tokens, in any order.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createTokenizer, type Tokenizer } from "../../../src/tokenizer/index.ts";
import { fixtureJson, hasFixture } from "../../support/fixtures.ts";
import { byteLevelTokenizer, tinyTokenizer } from "../../support/tiny-tokenizer.ts";

const BROKEN = "\uFFFD";
const REAL = ["gpt2", "llama2"].filter((name) => hasFixture(`tokenizers/${name}/tokenizer.json`));

const tokenizers: [string, () => Tokenizer][] = [
  ["bytes as tokens of their own", () => createTokenizer(tinyTokenizer(400).tokenizer)],
  ["bytes as letters", () => createTokenizer(byteLevelTokenizer())],
  ...REAL.map((name): [string, () => Tokenizer] => [
    `${name} (real)`,
    () => createTokenizer(fixtureJson(`tokenizers/${name}/tokenizer.json`)),
  ]),
];

/** The pieces that a page is given, in order. */
function pieces(tokenizer: Tokenizer, ids: readonly number[]): string[] {
  const stream = tokenizer.stream([]);
  return [...ids.map((id) => stream.push(id)), stream.end()];
}

describe.each(tokenizers)("%s", (_, create) => {
  const tokenizer = create();

  test("pieces of any text join to it, and none ends within a character", () => {
    const unit = fc.oneof(
      fc.constantFrom("a", "é", "日", "🌲", "👩‍👧", " ", "\n"),
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 1 }),
    );
    const run = fc.string({ unit, maxLength: 30 });
    fc.assert(
      fc.property(run, (text) => {
        const ids = tokenizer.encode(text);
        const got = pieces(tokenizer, ids);
        const whole = tokenizer.decode(ids);
        expect(got.join("")).toBe(whole);
        if (whole.includes(BROKEN)) return;
        // A half of a pair of UTF-16 has no bytes of its own: encoded, it becomes U+FFFD.
        for (const piece of got) {
          expect(piece).not.toContain(BROKEN);
          expect(new TextDecoder().decode(new TextEncoder().encode(piece))).toBe(piece);
        }
      }),
      { numRuns: 150 },
    );
  });

  test("pieces of any tokens join to what all of them say", () => {
    const ids = fc.array(fc.nat({ max: tokenizer.vocabSize - 1 }), { maxLength: 30 });
    fc.assert(
      fc.property(ids, (all) => {
        const got = pieces(tokenizer, all);
        const whole = tokenizer.decode(all);
        expect(got.join("")).toBe(whole);
        if (!whole.includes(BROKEN))
          expect(got.some((piece) => piece.includes(BROKEN))).toBe(false);
      }),
      { numRuns: 150 },
    );
  });
});
