// Stop strings over every way to cut a text into tokens.
import { expect, test } from "vitest";
import { StopText } from "../../../src/decoder/stop-text.ts";
import type { StreamToken } from "../../../src/stream-part.ts";

function tokens(...texts: string[]): StreamToken[] {
  return texts.map((text, id) => ({ id, text, origin: "plain" as const }));
}

/** Pushes until stopped; what came out after each push, and at the end. */
function run(
  stops: string[],
  texts: string[],
): { given: string[]; stopped: boolean; ids: number[] } {
  const stop = new StopText(stops);
  const given: StreamToken[][] = [];
  for (const token of tokens(...texts)) {
    given.push(stop.push(token));
    if (stop.stopped) break;
  }
  given.push(stop.end());
  return {
    given: given.map((list) => list.map((token) => token.text).join("")),
    stopped: stop.stopped,
    ids: given.flat().map((token) => token.id),
  };
}

/** Every way to cut `text` into non-empty pieces. */
function cuts(text: string): string[][] {
  if (text === "") return [[]];
  return Array.from({ length: text.length }, (_, i) => i + 1).flatMap((end) =>
    cuts(text.slice(end)).map((rest) => [text.slice(0, end), ...rest]),
  );
}

test.each([
  { stops: ["xy"], text: "abxyab", expected: "ab" },
  { stops: ["aab"], text: "aaaabx", expected: "aa" },
  { stops: ["abab"], text: "abaabab", expected: "aba" },
  { stops: ["b", "ab"], text: "xxabyy", expected: "xx" },
  { stops: ["nope"], text: "nonopxn", expected: undefined },
  { stops: ["aXb", "Xc"], text: "qaXcq", expected: "qa" },
])("$stops in $text, however it is cut", ({ stops, text, expected }) => {
  for (const pieces of cuts(text)) {
    const { given, stopped, ids } = run(stops, pieces);
    expect(given.join(""), pieces.join("|")).toBe(expected ?? text);
    expect(stopped).toBe(expected !== undefined);
    expect(ids).toEqual(ids.map((_, i) => i));
  }
});

test("only what may begin a stop string is held", () => {
  expect(run(["\n\n"], ["a", "\n", "b", "c\n", "\nd"]).given).toEqual([
    "a",
    "",
    "\nb",
    "",
    "c",
    "",
  ]);
});

test("without stop strings everything comes at once", () => {
  expect(run([], ["a", "", "b"]).given).toEqual(["a", "", "b", ""]);
});
