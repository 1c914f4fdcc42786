// N-grams: counted in a text, and read from a table.
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { countSections } from "../../../src/decoder/superposed/ngram-count.ts";
import { headBytes, parseTable, tableBytes } from "../../../src/decoder/superposed/ngram-file.ts";
import type { NgramSection } from "../../../src/tree/superposed-steps.ts";
import { countNgrams } from "../../reference/superposed.ts";
import { markovText } from "../../support/superposed-text.ts";

/** A section as a map from context to token to share; throws where it is not in order. */
function asMap({ length, keys, starts, tokens, shares }: NgramSection) {
  const map = new Map<string, Map<number, number>>();
  let before: number[] = [];
  for (let i = 0; i + 1 < starts.length; i++) {
    const context = Array.from({ length }, (_, j) => keys[i * length + j]!);
    const at = context.findIndex((token, j) => token !== before[j]);
    if (i > 0 && !(at >= 0 && context[at]! > before[at]!)) throw new Error("contexts out of order");
    before = context;
    const followers = new Map<number, number>();
    for (let e = starts[i]!; e < starts[i + 1]!; e++) {
      if (e > starts[i]! && tokens[e]! <= tokens[e - 1]!) throw new Error("tokens out of order");
      followers.set(tokens[e]!, shares[e]!);
    }
    map.set(context.join(" "), followers);
  }
  return map;
}

describe("counted", () => {
  test("orders 2 to 6, as plain maps count them", () => {
    for (const [seed, vocab, size] of [
      [1, 9, 400],
      [2, 50, 700],
      [3, 3, 40],
    ] as const) {
      const ids = markovText(seed, vocab, size);
      const expected = countNgrams([ids]);
      const sections = countSections(ids, 5);
      expect(sections.map(({ length }) => length)).toEqual([1, 2, 3, 4, 5]);
      for (const section of sections) {
        const counts = expected.get(section.length + 1)!;
        const actual = asMap(section);
        expect(actual.size).toBe(counts.size);
        for (const [context, followers] of counts) {
          const total = [...followers.values()].reduce((a, b) => a + b, 0);
          const shares = new Map([...followers].map(([token, count]) => [token, count / total]));
          expect(actual.get(context)).toEqual(shares);
        }
      }
    }
  });

  test("texts too short for an order have no section of it", () => {
    expect(countSections([], 5)).toEqual([]);
    expect(countSections([1], 5)).toEqual([]);
    expect(countSections([1, 2, 3], 5).map(({ length }) => length)).toEqual([1, 2]);
    expect(countSections([1, 2, 3], 1).map(({ length }) => length)).toEqual([1]);
  });
});

const VOCAB = 100;

/** Sections of contexts with (token, steps) likeliest first, as a file. */
function tableFile(sections: readonly Record<string, readonly (readonly [number, number])[]>[]) {
  const bytes: number[] = [];
  const word = (value: number) => [value, value >> 8, value >> 16, value >> 24].map((x) => x & 255);
  const head = 32 + 24 * sections.length;
  const heads: number[] = [];
  const pad = () => bytes.push(...Array.from({ length: -bytes.length & 3 }, () => 0));
  for (const section of sections) {
    const contexts = Object.entries(section);
    const entries = contexts.flatMap(([, list]) => list);
    const place = () => head + bytes.length;
    const at = [place()];
    for (const [context] of contexts) {
      for (const token of context.split(" ").map(Number)) bytes.push(token & 255, token >> 8);
    }
    pad();
    at.push(place());
    let end = 0;
    bytes.push(...word(0));
    for (const [, list] of contexts) bytes.push(...word((end += list.length)));
    at.push(place());
    for (const [token] of entries) bytes.push(token & 255, token >> 8);
    pad();
    at.push(place());
    for (const [, steps] of entries) bytes.push(steps);
    pad();
    heads.push(...[contexts.length, entries.length, ...at].flatMap(word));
  }
  const step = [...new Uint8Array(Float32Array.of(1 / 32).buffer)];
  const magic = [..."NGRM"].map((letter) => letter.charCodeAt(0));
  const start = [...magic, ...word(1), ...word(VOCAB), ...word(sections.length), ...step];
  return Uint8Array.of(...start, ...Array.from({ length: 12 }, () => 0), ...heads, ...bytes);
}

describe("read from a table", () => {
  const file = tableFile([
    {
      "3": [
        [7, 10],
        [2, 40],
      ],
      "9": [[99, 0]],
    },
    {
      "3 7": [
        [5, 32],
        [4, 64],
        [1, 255],
      ],
      "4 1": [[8, 8]],
      "4 2": [[0, 255]],
    },
  ]);

  test("contexts, tokens in ascending order, shares", () => {
    const sections = parseTable("it", file, VOCAB);
    expect(sections.map(({ length }) => length)).toEqual([1, 2]);
    const share = (steps: number) => Math.fround(Math.exp(-steps / 32));
    expect(asMap(sections[0]!)).toEqual(
      new Map([
        [
          "3",
          new Map([
            [2, share(40)],
            [7, share(10)],
          ]),
        ],
        ["9", new Map([[99, 1]])],
      ]),
    );
    expect(asMap(sections[1]!).get("3 7")).toEqual(
      new Map([
        [1, share(255)],
        [4, share(64)],
        [5, share(32)],
      ]),
    );
  });

  test("its size is known from its head", () => {
    const length = headBytes("it", file.subarray(0, 32));
    expect(length).toBe(32 + 48);
    const end = tableBytes("it", file.subarray(0, length), VOCAB);
    expect(file.length - end).toBeLessThan(4);
    // Bytes that stand somewhere in a larger buffer.
    const shifted = new Uint8Array(file.length + 3);
    shifted.set(file, 3);
    expect(parseTable("it", shifted.subarray(3, 3 + end), VOCAB)).toEqual(
      parseTable("it", file, VOCAB),
    );
  });

  test("what is none is refused", () => {
    const invalid = expect.objectContaining({ code: "source-invalid" });
    const changed = (at: number, value: number) => file.map((byte, i) => (i === at ? value : byte));
    for (const bytes of [
      new Uint8Array(0),
      new Uint8Array(500),
      file.subarray(0, 50),
      file.subarray(0, file.length - 8),
      changed(0, 78 + 1),
      changed(4, 2),
      changed(12, 6),
      changed(12, 0),
      // More contexts than there are; a start beyond the next; a token of another vocabulary.
      changed(33, 1),
      changed(80 + 4 + 4, 200),
      changed(80 + 4 + 12, 200),
    ]) {
      expect(() => parseTable("it", bytes, VOCAB)).toThrow(invalid);
    }
    const mismatch = expect.objectContaining({ code: "vocabulary-mismatch" });
    expect(() => parseTable("it", file, VOCAB + 1)).toThrow(mismatch);
  });

  test("the embedded pair's table", () => {
    const path = new URL("../../../models/tales/target/ngrams.bin", import.meta.url);
    const sections = parseTable("ngrams.bin", new Uint8Array(readFileSync(path)), 4096);
    expect(sections.map(({ starts }) => starts.length - 1)).toEqual([3918, 60362, 45281]);
    for (const section of sections) {
      for (const followers of asMap(section).values()) {
        const sum = [...followers.values()].reduce((a, b) => a + b, 0);
        // Each share is rounded by up to 1/64 nat.
        expect(sum).toBeLessThan(1.02);
      }
    }
  });
});
