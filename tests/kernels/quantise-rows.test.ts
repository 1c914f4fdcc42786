// quantise-rows against f64, bit for bit, and the error that it may make.
import { describe, expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { quantiseRows as reference } from "../reference/quantise-rows.ts";
import { awkwardRows, weights } from "../support/awkward.ts";
import { type BlockType, blockValues, decodeRows } from "../support/blocks.ts";
import { f16Bits, f16Value, roundToBf16, roundToF16 } from "../support/half.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";

const { quantiseRows, NO_FAULT } = kernels;
type Source = keyof typeof kernels.SOURCE_TYPES;

/** `values` as a file stores them. */
function stored(values: Float32Array<ArrayBuffer>, source: Source) {
  if (source === "F32") return values;
  if (source === "F16") return Uint16Array.from(values, (x) => f16Bits(roundToF16(x)));
  const words = new Uint32Array(values.map(roundToBf16).buffer);
  return Uint16Array.from(words, (word) => word >>> 16);
}

const ROUND = { F32: Math.fround, F16: roundToF16, BF16: roundToBf16 };
const GUARD = 0x12345678;

interface Case {
  readonly k: number;
  readonly source: Source;
  readonly type: BlockType;
}

/** Quantises `[rows, k]` values to rows 2 and on of a matrix with a row more. */
async function run(gpu: Gpu, values: Float32Array<ArrayBuffer>, c: Case, spec = quantiseRows) {
  const rows = values.length / c.k;
  const statics = kernels.quantiseStatics(c.type);
  const rowBytes = kernels.weightRowBytes(c.type, c.k);
  const pipeline = gpu.kernels.compile(spec, { statics });
  const w = new Uint32Array(((rows + 3) * rowBytes) / 4).fill(GUARD);
  const buffers = {
    source: gpu.buffers.upload("source", stored(values, c.source)),
    w: gpu.buffers.upload("w", w),
    faults: gpu.buffers.upload("faults", new Uint32Array(4).fill(NO_FAULT)),
  };
  const params = {
    rows,
    k: c.k,
    first_row: 2,
    tensor_row: 5,
    source: kernels.SOURCE_TYPES[c.source],
    slot: 1,
  };
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(gpu.buffers, buffers, params),
    kernels.quantiseRowsGrid(rows, c.k),
  );
  const [out, faults] = await gpu.submitAndRead([recording], [buffers.w, buffers.faults]);
  const bytes = new Uint8Array(out!);
  const outside = [bytes.slice(0, 2 * rowBytes), bytes.slice((2 + rows) * rowBytes)];
  for (const part of outside)
    expect(new Set(new Uint32Array(part.buffer))).toEqual(new Set([GUARD]));
  return {
    blocks: decodeRows(c.type, bytes.slice(2 * rowBytes, (2 + rows) * rowBytes), rows, c.k),
    faults: [...new Uint32Array(faults!)],
  };
}

/** Numbers that decide: halves between two integers, opposite extremes, zeros, the ends of f16's range. */
function edges(): Float32Array<ArrayBuffer> {
  const rows: number[][] = [
    Array.from({ length: 32 }, (_, i) => (i - 16) / 2),
    Array.from({ length: 32 }, (_, i) => (i === 7 ? 127 : (i % 9) + 0.5)),
    [-8, 8, 7.5, -7.5, ...Array.from({ length: 28 }, (_, i) => i / 4)],
    [8, -8, 7.5, -7.5, ...Array.from({ length: 28 }, (_, i) => i / 4)],
    Array.from({ length: 32 }, () => 0),
    Array.from({ length: 32 }, (_, i) => (i - 9) * 2 ** -24),
    Array.from({ length: 32 }, (_, i) => (i - 20) * 2 ** -14),
    Array.from({ length: 32 }, (_, i) => (i === 3 ? -0 : i * 1e-30)),
    Array.from({ length: 32 }, (_, i) => (i % 2 ? 1 : -1) * 0.3),
    Array.from({ length: 32 }, (_, i) => (i === 31 ? -520192 : 1000 * i)),
  ];
  return Float32Array.from(rows.flat());
}

const CASES: [string, number, Float32Array<ArrayBuffer>][] = [
  ["edges", 32, edges()],
  ["trained weights", 64, weights(40, 64, "f32").values],
  ["a short last block", 100, awkwardRows(9, 100)],
  ["one short block", 4, weights(70, 4, "f32").values],
  ["a real row", 704, weights(5, 704, "f32").values],
];
const TYPES: BlockType[] = ["q8", "q4", "q8-wide", "q4-wide"];

describe.each(TYPES)("%s", (type) => {
  const bits = type.startsWith("q8") ? 8 : 4;

  test("the blocks are those of the f64 reference, from every source", () =>
    withGpu(async (gpu) => {
      for (const source of ["F32", "F16", "BF16"] as const) {
        for (const [what, k, values] of CASES) {
          const rounded = values.map(ROUND[source]);
          if (rounded.some((x) => !Number.isFinite(x))) continue;
          const { blocks, faults } = await run(gpu, values, { k, source, type });
          const expected = reference(rounded, k, bits);
          // -0 and 0 are one scale.
          const plain = (rows: typeof blocks) =>
            rows.map((row) => row.map((block) => ({ ...block, scale: block.scale + 0 })));
          expect(plain(blocks), `${what}, ${source}`).toEqual(plain(expected));
          expect(faults).toEqual([NO_FAULT, NO_FAULT, NO_FAULT, NO_FAULT]);
        }
      }
    }));

  test("no weight is off by more than its block's scale allows", () =>
    withGpu(async (gpu) => {
      for (const [what, k, values] of CASES) {
        const { blocks } = await run(gpu, values, { k, source: "F32", type });
        const found = blockValues(blocks);
        const steps = bits === 8 ? 127 : 8;
        for (const [r, row] of blocks.entries()) {
          for (const [b, { scale }] of row.entries()) {
            const at = r * k + b * 32;
            const own = values.subarray(at, Math.min(at + 32, (r + 1) * k));
            const most = own.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
            // An f16 is at most 2^-10 above the number below it, or 2^-24.
            expect(Math.abs(scale)).toBeLessThanOrEqual((most / steps) * (1 + 2 ** -10) + 2 ** -24);
            own.forEach((x, i) => {
              // In q4 the side opposite to the largest ends at 7.
              const clipped = bits === 4 && x / scale > 7;
              const allowed = Math.abs(scale) * (clipped ? 1 : 0.5) + 2 ** -126;
              expect(Math.abs(found[at + i]! - x), what).toBeLessThanOrEqual(allowed);
            });
          }
        }
      }
    }));
});

test.each(["q8", "q4"] as const)("%s: what it cannot hold is told by its place", (type) =>
  withGpu(async (gpu) => {
    const most = (type === "q8" ? 127 : 8) * 65504;
    for (const [source, bad] of [
      ["F32", [NaN, Infinity, -Infinity, most * 1.0001]],
      ["F16", [NaN, -Infinity]],
      ["BF16", [Infinity]],
    ] as const) {
      for (const value of bad) {
        const values = weights(4, 100, "f32").values.slice();
        values[250] = value;
        values[399] = NaN;
        const data =
          source === "BF16" ? values.map((x) => (x === value ? x : roundToBf16(x))) : values;
        data[250] = value;
        const { faults } = await run(gpu, data, { k: 100, source, type });
        expect(faults, `${source} ${value}`).toEqual([NO_FAULT, 500 + 250, NO_FAULT, NO_FAULT]);
      }
    }
    const values = weights(1, 32, "f32").values.slice();
    values[3] = -most;
    const { faults, blocks } = await run(gpu, values, { k: 32, source: "F32", type });
    expect([faults[1], Math.abs(blocks[0]![0]!.scale)]).toEqual([NO_FAULT, f16Value(0x7bff)]);
  }),
);

faultTest.each([
  ["halves go up", "(size == below && odd)", "false"],
  ["the scale is rounded down", "i < 3u && STEPS", "i < 1u && STEPS"],
  ["the sign of the largest is forgotten", "sign = bits & 0x80000000u", "sign = 0u"],
  ["8 wraps around to -8", "min(size, 7)", "size"],
  ["the block before the last is the last", "2u * group + 1u", "2u * group"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const spec = plantFault(quantiseRows, right, wrong);
    const wrongs = [];
    for (const [, k, values] of CASES.slice(0, 2)) {
      const { blocks } = await run(gpu, values, { k, source: "F32", type: "q4" }, spec);
      wrongs.push(JSON.stringify(blocks) !== JSON.stringify(reference(values, k, 4)));
    }
    expect(wrongs).toContain(true);
  }),
);
