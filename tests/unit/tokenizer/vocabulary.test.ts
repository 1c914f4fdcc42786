import { expect, test } from "vitest";
import { assertSameVocabulary, createTokenizer } from "../../../src/tokenizer/index.ts";
import { tinyTokenizer } from "../../support/tiny-tokenizer.ts";

function tiny(size: number, rename: Record<string, string> = {}) {
  const { tokenizer } = tinyTokenizer(size);
  const model = tokenizer["model"] as { vocab: Record<string, number> };
  for (const [from, to] of Object.entries(rename)) {
    model.vocab[to] = model.vocab[from]!;
    delete model.vocab[from];
  }
  return createTokenizer(tokenizer);
}

const mismatch = (message: RegExp): Error =>
  expect.objectContaining({
    code: "vocabulary-mismatch",
    message: expect.stringMatching(message) as string,
  }) as Error;

test("the same tokens pass, also where the model pads its vocabulary", () => {
  assertSameVocabulary(
    { vocabSize: 100, tokenizer: tiny(100) },
    { vocabSize: 100, tokenizer: tiny(100) },
  );
  assertSameVocabulary(
    { vocabSize: 128, tokenizer: tiny(100) },
    { vocabSize: 128, tokenizer: tiny(100) },
  );
});

test("a draft without a tokenizer passes on its size", () => {
  assertSameVocabulary({ vocabSize: 100, tokenizer: tiny(100) }, { vocabSize: 100 });
});

test("different sizes, tokens and holes are named", () => {
  const target = { vocabSize: 100, tokenizer: tiny(100) };
  expect(() => assertSameVocabulary(target, { vocabSize: 101 })).toThrowError(
    mismatch(/100 tokens, the draft 101/),
  );
  const renamed = { vocabSize: 100, tokenizer: tiny(100, { e: "E!" }) };
  expect(() => assertSameVocabulary(target, renamed)).toThrowError(
    mismatch(/Token 4 is "e" to the target and "E!"/),
  );
  const shorter = { vocabSize: 100, tokenizer: tiny(99) };
  expect(() => assertSameVocabulary(target, shorter)).toThrowError(
    mismatch(/Token 99 .* null to the draft/),
  );
});
