import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import { laneCount, unitRows, unitRowsGrid } from "../../src/kernels/index.ts";
import { unitRows as reference } from "../reference/unit-rows.ts";
import { awkwardRows, gains } from "../support/awkward.ts";
import { differingBits, expectClose, mismatches, type Tolerance } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { gamma, SMALLEST, UNIT } from "../support/tolerance.ts";

const SLOTS = 12;
/** Rows stand anywhere, and not in order. */
const slotOf = (row: number): number => (5 * row + 3) % SLOTS;

async function run(
  gpu: Gpu,
  k: number,
  x: Float32Array<ArrayBuffer>,
  spec = unitRows,
  lanes = laneCount(k),
) {
  const rows = x.length / k;
  const gain = gains(k);
  const pipeline = gpu.kernels.compile(spec, { statics: { WORKGROUP_SIZE: lanes } });
  const table = Uint32Array.from({ length: 4 * rows }, (_, i) =>
    i % 4 === 3 ? slotOf(Math.floor(i / 4)) : 90 + i,
  );
  const units = gpu.buffers.upload("units", new Float32Array(SLOTS * k).fill(7));
  const buffers = {
    x: gpu.buffers.upload("x", x),
    gain: gpu.buffers.upload("gain", gain),
    rows: gpu.buffers.upload("rows", table),
    units,
  };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(gpu.buffers, buffers, { k4: k / 4 }), unitRowsGrid(rows));
  const [data] = await gpu.submitAndRead([recording], [units]);
  const all = new Float32Array(data!);
  const taken = Array.from({ length: rows }, (_, r) => slotOf(r));
  const actual = new Float32Array(rows * k);
  taken.forEach((slot, r) => actual.set(all.subarray(slot * k, (slot + 1) * k), r * k));
  for (let slot = 0; slot < SLOTS; slot++) {
    if (taken.includes(slot)) continue;
    expect(new Set(all.subarray(slot * k, (slot + 1) * k))).toEqual(new Set([7]));
  }
  const expected = reference(x, gain, k);
  // The sum of squares: a rounding of each factor, the products' and the additions'. The root halves its error; then
  // inverseSqrt, the term's own rounding and the last product's.
  const additions = Math.ceil(k / 4 / lanes) + Math.log2(lanes) + 2;
  const relative = (2 * UNIT + gamma(1 + additions)) / 2 + 2 * UNIT + 2 * UNIT;
  const tolerance: Tolerance = (i) => 1.001 * relative * Math.abs(expected[i]!) + SMALLEST;
  return { actual, expected, tolerance };
}

const SHAPES = [
  [1, 4],
  [2, 8],
  [7, 64],
  [5, 100],
  [3, 576],
  [1, 2048],
] as const;

test("rows of every nature agree with f64, and stand at their slots", () =>
  withGpu(async (gpu) => {
    for (const [rows, k] of SHAPES) {
      const { actual, expected, tolerance } = await run(gpu, k, awkwardRows(rows, k));
      expectClose(actual, expected, tolerance, `${rows} rows of ${k}`);
      for (let r = 0; r < rows; r++) {
        expect(Math.hypot(...actual.subarray(r * k, (r + 1) * k))).toBeCloseTo(1, 5);
      }
    }
  }));

test("zeros give zeros, and so does what is shorter than 2^-63; long and short rows keep their directions", () =>
  withGpu(async (gpu) => {
    const rows = [
      [0, 0, 0, 0],
      [1e-20, -1e-20, 1e-20, 1e-20],
      [1e-18, -1e-18, 1e-18, 1e-18],
      [1e18, 2e18, -1e18, 1e18],
      [0, 0, -3, 0],
    ];
    const { actual, expected, tolerance } = await run(gpu, 4, Float32Array.from(rows.flat()));
    expect(actual.subarray(0, 8).every((value) => value === 0)).toBe(true);
    expectClose(
      actual.subarray(8),
      expected.subarray(8),
      (i) => tolerance(i + 8),
      "the other rows",
    );
  }));

test("equal rows give equal bits, whatever stands beside them", () =>
  withGpu(async (gpu) => {
    const k = 100;
    const x = awkwardRows(7, k);
    x.copyWithin(5 * k, 2 * k, 3 * k);
    const { actual } = await run(gpu, k, x);
    const row = (r: number) => actual.subarray(r * k, (r + 1) * k);
    expect(differingBits(row(5), row(2))).toBe(0);
    const alone = await run(gpu, k, x.slice(2 * k, 3 * k));
    expect(differingBits(alone.actual, row(2))).toBe(0);
  }));

faultTest.each([
  ["no gain in the length", "let n = x[row_at + k] * gain[k];", "let n = x[row_at + k];"],
  ["no gain in the unit", "x[row_at + k] * gain[k] * scale", "x[row_at + k] * scale"],
  ["the square of the length", "inverseSqrt(max(square, SHORTEST))", "1.0 / square"],
  ["a part of the sum is left out", "+ (sums.z + sums.w)", "+ sums.z"],
  ["the first lane's columns alone", "add_lanes(lane, &squares);", "workgroupBarrier();"],
  ["rows stand at their nodes", ".slot *", ".node % 12u *"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const spec = plantFault(unitRows, right, wrong);
    const off = await run(gpu, 100, awkwardRows(5, 100), spec).then(
      ({ actual, expected, tolerance }) => mismatches(actual, expected, tolerance).length,
      () => Infinity,
    );
    expect(off).toBeGreaterThan(0);
  }),
);
