// Stop strings across token boundaries, fuzzed: random texts, stop strings and ways to cut the text into tokens.
import { expect, test } from "vitest";
import { StopText } from "../../../src/decoder/stop-text.ts";
import type { StreamToken } from "../../../src/stream-part.ts";
import { uniforms } from "../../support/random.ts";

interface Run {
  readonly stops: string[];
  readonly pieces: string[];
}

function randomRun(seed: number): Run {
  const next = uniforms(seed);
  const below = (count: number): number => Math.floor(next() * count);
  // Few letters, so that stop strings begin often and overlap themselves and each other; a pair of code units as well.
  const letters = ["a", "b", "é", "😀", "\n"].slice(0, 2 + below(4));
  const word = (length: number): string =>
    Array.from({ length }, () => letters[below(letters.length)]!).join("");
  const stops = Array.from({ length: 1 + below(4) }, () => word(1 + below(6)));
  const text = word(below(60));
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const length = below(5);
    pieces.push(text.slice(at, at + length));
    at += length;
  }
  return { stops, pieces };
}

/** What is given out after each token, and at the end; tokens given out never change. */
function play({ stops, pieces }: Run) {
  const stop = new StopText(stops);
  const given: StreamToken[] = [];
  let longest = "";
  for (const [id, text] of pieces.entries()) {
    given.push(...stop.push({ id, text, origin: "plain" }));
    if (stop.stopped) break;
    longest = given.map((token) => token.text).join("");
  }
  given.push(...stop.end());
  const text = given.map((token) => token.text).join("");
  return { text, longest, stopped: stop.stopped, ids: given.map(({ id }) => id) };
}

/**
 * After the first token that completes a stop string, the text up to where the earliest of them begins; the whole text where
 * none does.
 */
function expected({ stops, pieces }: Run): { text: string; tokens: number } | undefined {
  let text = "";
  for (const [i, piece] of pieces.entries()) {
    text += piece;
    const starts = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
    if (starts.length > 0) return { text: text.slice(0, Math.min(...starts)), tokens: i + 1 };
  }
  return undefined;
}

test("10,000 random runs", () => {
  let stops = 0;
  let held = 0;
  for (let seed = 0; seed < 10_000; seed++) {
    const run = randomRun(seed);
    const wanted = expected(run);
    const { text, longest, stopped, ids } = play(run);
    const what = JSON.stringify(run);
    expect(stopped, what).toBe(wanted !== undefined);
    expect(text, what).toBe(wanted ? wanted.text : run.pieces.join(""));
    // Every token comes once and in order, up to the one that completed the stop string.
    const count = wanted?.tokens ?? run.pieces.length;
    expect(ids, what).toEqual(Array.from({ length: count }, (_, i) => i));
    // What was shown early is part of what stays.
    expect(text.startsWith(longest), what).toBe(true);
    if (stopped) stops += 1;
    if (longest.length < text.length) held += 1;
  }
  // Both endings, and text held back, or the runs prove little.
  expect(stops).toBeGreaterThan(4000);
  expect(stops).toBeLessThan(9900);
  expect(held).toBeGreaterThan(1000);
});
