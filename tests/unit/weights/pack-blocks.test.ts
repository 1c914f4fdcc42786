// Blocks as files give them, laid out for the GPU, against the layout written down once more in tests/support/blocks.ts.
import { describe, expect, test } from "vitest";
import { packBlocks } from "../../../src/model/weights/pack-blocks.ts";
import { weightTypeOf } from "../../../src/model/weights/weight-type.ts";
import { type Block, type BlockType, decodeRows, encodeFileBlocks } from "../../support/blocks.ts";
import { uniforms } from "../../support/random.ts";

const K = 96; // three blocks: the last group of a row is half a group
const ROWS = 5;

function randomBlocks(from: "Q8" | "Q4", scaleOf: (u: number) => number, zeroOf = () => 8) {
  const next = uniforms(from === "Q8" ? 1 : 2);
  const block = (): Block => ({
    scale: scaleOf(next()),
    zero: from === "Q8" ? 0 : zeroOf(),
    quants: Array.from({ length: 32 }, () =>
      from === "Q8" ? Math.floor(next() * 256) - 128 : Math.floor(next() * 16),
    ),
  });
  return Array.from({ length: ROWS }, () => Array.from({ length: K / 32 }, block));
}

/** 11 bits. */
const short = (u: number) => (Math.floor(u * 2047) - 1000) / 4096;
const long = (u: number) => Math.fround(u - 0.4);
const values = (rows: readonly (readonly Block[])[]) =>
  rows.flat().flatMap(({ scale, zero, quants }) => quants.map((q) => scale * (q - zero) + 0));

describe("blocks keep their numbers", () => {
  test.each([
    ["Q8", "q8", short],
    ["Q8", "q8-wide", long],
    ["Q4", "q4", short],
    ["Q4", "q4-wide", long],
    ["Q4", "q8", short],
    ["Q4", "q8-wide", long],
  ] as const)("%s to %s", (from, to, scaleOf) => {
    const zeros = uniforms(9);
    const zeroOf = to === "q4" ? () => 8 : () => Math.floor(zeros() * 16);
    const rows = randomBlocks(from, scaleOf, zeroOf);
    for (const offset of [0, 1, 2]) {
      const file = encodeFileBlocks(from, rows);
      const shifted = new Uint8Array(file.length + offset);
      shifted.set(file, offset);
      const { bytes, misfit, fault } = packBlocks(shifted.subarray(offset), from, to, K);
      expect([misfit, fault]).toEqual([undefined, undefined]);
      expect(values(decodeRows(to as BlockType, bytes, ROWS, K))).toEqual(values(rows));
    }
  });
});

test("what narrow blocks cannot hold, and scales that are no numbers, are told by the block", () => {
  const rows = randomBlocks("Q4", short);
  const withBlock = (index: number, change: Partial<Block>) =>
    encodeFileBlocks(
      "Q4",
      rows.map((row, r) =>
        row.map((block, b) => (r * 3 + b === index ? { ...block, ...change } : block)),
      ),
    );
  const outcome = (file: Uint8Array<ArrayBuffer>, to: BlockType) => {
    const { misfit, fault } = packBlocks(file, "Q4", to, K);
    return { misfit, fault };
  };
  const neither = { misfit: undefined, fault: undefined };
  expect(outcome(withBlock(7, { zero: 3 }), "q4")).toEqual({ ...neither, misfit: 7 });
  expect(outcome(withBlock(7, { zero: 3 }), "q8")).toEqual(neither);
  expect(outcome(withBlock(4, { scale: 0.1 }), "q4")).toEqual({ ...neither, misfit: 4 });
  expect(outcome(withBlock(4, { scale: 1e6 }), "q8")).toEqual({ ...neither, misfit: 4 });
  expect(outcome(withBlock(4, { scale: 1e6 }), "q4-wide")).toEqual(neither);
  for (const scale of [NaN, Infinity])
    expect(outcome(withBlock(14, { scale }), "q4-wide")).toEqual({ ...neither, fault: 14 });
});

describe("a matrix's type", () => {
  const stored = (...dtypes: string[]) =>
    dtypes.map((dtype) => (dtype === "made" ? { dtype: "F32", widened: true } : { dtype }));
  const cases: [string[], string, string, string, string][] = [
    // stored, then the type for auto, q8, q4 and q4 of a table
    [["F32"], "f32", "q8", "q4", "q8"],
    [["F16", "BF16"], "f16", "q8", "q4", "q8"],
    [["F16", "F32"], "f32", "q8", "q4", "q8"],
    [["made"], "q8", "q8", "q4", "q8"],
    [["Q8", "Q8"], "q8", "q8", "q4", "q8"],
    [["Q4", "Q4"], "q4", "q4", "q4", "q4"],
    [["Q4", "Q8"], "q8", "q8", "q4", "q8"],
    [["Q4", "F16"], "f32", "q8", "q4", "q8"],
    [["Q8", "BF16", "made"], "f32", "q8", "q4", "q8"],
    [["Q4", "made"], "q8", "q8", "q4", "q8"],
    [["F16", "made"], "f16", "q8", "q4", "q8"],
  ];
  test.each(cases)("%s", (dtypes, auto, q8, q4, table) => {
    const tensors = stored(...dtypes);
    expect(weightTypeOf(tensors, "auto", false)).toBe(auto);
    expect(weightTypeOf(tensors, "q8", false)).toBe(q8);
    expect(weightTypeOf(tensors, "q4", false)).toBe(q4);
    expect(weightTypeOf(tensors, "q4", true)).toBe(table);
    expect(weightTypeOf(tensors, "f32", true)).toBe("f32");
    expect(weightTypeOf(tensors, "f16", false)).toBe("f16");
  });
});
