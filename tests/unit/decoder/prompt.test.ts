// From text to the ids a sequence starts with.
import { expect, test } from "vitest";
import { checkRoom, encodePrompt } from "../../../src/decoder/prompt.ts";

const encoder = (beginOfText: number | undefined) => ({
  beginOfText,
  encode: (text: string) => [...text].map((letter) => letter.charCodeAt(0)),
});

test("an empty prompt is the beginning-of-text token alone", () => {
  expect(encodePrompt(encoder(1), "")).toEqual([1]);
  expect(encodePrompt(encoder(1), "ab")).toEqual([97, 98]);
});

test("an empty prompt needs such a token", () => {
  expect(() => encodePrompt(encoder(undefined), "")).toThrowError(
    expect.objectContaining({ code: "option-invalid" }),
  );
});

test("a prompt leaves room for one token", () => {
  checkRoom(3, 4);
  expect(() => checkRoom(4, 4)).toThrowError(
    expect.objectContaining({
      code: "context-overflow",
      message: "The prompt has 4 tokens; the context holds 4, one of them for the output.",
      fix: expect.stringContaining("3 tokens") as string,
    }),
  );
});

test("and so does what follows it", () => {
  const name = "continueFrom";
  checkRoom(2, 4, { after: 1, name });
  expect(() => checkRoom(2, 4, { after: 2, name })).toThrowError(
    expect.objectContaining({
      code: "context-overflow",
      message:
        "The prompt and continueFrom have 4 tokens; the context holds 4, one of them for the output.",
      fix: expect.stringContaining("shorter prompt") as string,
    }),
  );
});
