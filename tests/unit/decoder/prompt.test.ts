// From text to the ids a sequence starts with.
import { expect, test } from "vitest";
import { encodePrompt } from "../../../src/decoder/prompt.ts";

const encoder = (beginOfText: number | undefined) => ({
  beginOfText,
  encode: (text: string) => [...text].map((letter) => letter.charCodeAt(0)),
});

test("an empty prompt is the beginning-of-text token alone", () => {
  expect(encodePrompt(encoder(1), "", 16)).toEqual([1]);
  expect(encodePrompt(encoder(1), "ab", 16)).toEqual([97, 98]);
});

test("an empty prompt needs such a token", () => {
  expect(() => encodePrompt(encoder(undefined), "", 16)).toThrowError(
    expect.objectContaining({ code: "option-invalid" }),
  );
});

test("a prompt leaves room for one token", () => {
  expect(encodePrompt(encoder(1), "abc", 4)).toHaveLength(3);
  expect(() => encodePrompt(encoder(1), "abcd", 4)).toThrowError(
    expect.objectContaining({
      code: "context-overflow",
      message: "The prompt has 4 tokens; the context holds 4, one of them for the output.",
      fix: expect.stringContaining("3 tokens") as string,
    }),
  );
});
