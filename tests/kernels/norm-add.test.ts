import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import { laneCount, normAdd, normAddGrid } from "../../src/kernels/index.ts";
import { normAdd as reference } from "../reference/norm-add.ts";
import { awkwardRows, gains } from "../support/awkward.ts";
import { differingBits, expectClose, mismatches, type Tolerance } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { gamma, SMALLEST, UNIT } from "../support/tolerance.ts";

const EPS = 1e-6;

async function run(
  gpu: Gpu,
  { rows, k, lanes = laneCount(k, 8) }: { rows: number; k: number; lanes?: number },
  spec = normAdd,
) {
  const [x, y, gain] = [awkwardRows(rows, k), awkwardRows(rows, k, 5), gains(k)];
  const pipeline = gpu.kernels.compile(spec, { statics: { WORKGROUP_SIZE: lanes } });
  // One vec4 more than is needed, to see that nothing is stored past the end.
  const out = gpu.buffers.upload("x", Float32Array.from([...x, 7, 7, 7, 7]));
  const buffers = {
    y: gpu.buffers.upload("y", y),
    gain: gpu.buffers.upload("gain", gain),
    x: out,
  };
  const recording = new Recording();
  const bound = pipeline.bind(gpu.buffers, buffers, { k4: k / 4, eps: EPS });
  recording.dispatch(bound, normAddGrid(rows));
  const [data] = await gpu.submitAndRead([recording], [out]);
  const all = new Float32Array(data!);

  const expected = reference(x, y, gain, { k, eps: EPS });
  // The sum of squares: a product, the additions of a lane, of the lanes and of the four columns; a division (2.5) and
  // an addition behind it. The root halves that, inverseSqrt adds 2; then y * gain, the last product and the sum.
  const roundings = 1 + Math.ceil(k / 4 / lanes) + Math.log2(lanes) + 2;
  const relative = (gamma(roundings) + 3.5 * UNIT) / 2 + 2 * UNIT + gamma(2);
  const tolerance: Tolerance = (i) =>
    1.001 * (relative * Math.abs(expected[i]! - x[i]!) + UNIT * Math.abs(expected[i]!)) +
    8 * SMALLEST;
  return { actual: all.subarray(0, rows * k), beyond: all.subarray(rows * k), expected, tolerance };
}

test("rows of every nature agree with f64", () =>
  withGpu(async (gpu) => {
    for (const [rows, k, lanes] of [
      [1, 4, 4],
      [7, 64, 4],
      [5, 100, 8],
      [3, 576, 8],
      [1, 1152, 4],
    ] as const) {
      const { actual, expected, tolerance, beyond } = await run(gpu, { rows, k, lanes });
      expectClose(actual, expected, tolerance, `${rows} rows of ${k}`);
      expect([...beyond]).toEqual([7, 7, 7, 7]);
    }
  }));

test("a row's bits do not depend on the rows beside it", () =>
  withGpu(async (gpu) => {
    const [k, lanes] = [100, 8];
    const together = (await run(gpu, { rows: 64, k, lanes })).actual.slice();
    // awkwardRows draws its numbers in order, so that fewer rows are the first of many.
    const alone = await run(gpu, { rows: 64, k, lanes });
    expect(differingBits(alone.actual, together)).toBe(0);
    const pipeline = gpu.kernels.compile(normAdd, { statics: { WORKGROUP_SIZE: lanes } });
    const [x, y] = [awkwardRows(64, k), awkwardRows(64, k, 5)];
    const gain = gpu.buffers.upload("gain", gains(k));
    for (const row of [0, 1, 31, 63]) {
      const part = (of: Float32Array<ArrayBuffer>) => of.slice(row * k, (row + 1) * k);
      const buffers = {
        y: gpu.buffers.upload("y", part(y)),
        gain,
        x: gpu.buffers.upload("x", part(x)),
      };
      const recording = new Recording();
      recording.dispatch(
        pipeline.bind(gpu.buffers, buffers, { k4: k / 4, eps: EPS }),
        normAddGrid(1),
      );
      const [data] = await gpu.submitAndRead([recording], [buffers.x]);
      expect(differingBits(new Float32Array(data!), part(together)), `row ${row}`).toBe(0);
    }
  }));

faultTest.each([
  ["x is overwritten", "vec4(scale), x[row_at + k])", "vec4(scale), vec4<f32>())"],
  ["one gain for all", "y[row_at + k] * gain[k]", "y[row_at + k] * gain[0]"],
  ["eps is forgotten", "mean_square + params.eps", "mean_square"],
  ["a part of the sum is left out", "+ (sums.z + sums.w)", "+ sums.z"],
  ["the first lane's columns alone", "add_lanes(lane, &squares);", "workgroupBarrier();"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const spec = plantFault(normAdd, right, wrong);
    const { actual, expected, tolerance } = await run(gpu, { rows: 6, k: 100 }, spec);
    expect(mismatches(actual, expected, tolerance)).not.toHaveLength(0);
  }),
);
