import { expect, test } from "vitest";
import { Recording, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import { laneCount, normMatmul, normMatmulGrid, rowTile } from "../../src/kernels/index.ts";
import { normMatmul as reference } from "../reference/norm-matmul.ts";
import { softcap } from "../reference/softcap.ts";
import { awkwardRows, gains, weights } from "../support/awkward.ts";
import { expectClose, mismatches, type Tolerance } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { normDotTolerance, softcapError } from "../support/tolerance.ts";

const EPS = 1e-5;

interface Case {
  readonly rows: number;
  readonly first: number;
  readonly cols: number;
  readonly k: number;
  readonly type: WeightType;
  readonly cap?: number;
}

async function run(gpu: Gpu, { rows, first, cols, k, type, cap }: Case, spec = normMatmul) {
  const x = awkwardRows(first + rows, k);
  const gain = gains(k);
  const w = weights(cols, k, type);
  const lanes = laneCount(k, undefined, type);
  const pipeline = gpu.kernels.compile(spec, {
    statics: { ROWS: rowTile(rows), WORKGROUP_SIZE: lanes },
    constants: cap === undefined ? {} : { SOFTCAP: cap },
    weights: type,
  });
  // One element more than is needed, to see that nothing is stored past the end.
  const logits = gpu.buffers.upload("logits", new Float32Array(rows * cols + 1).fill(7));
  const buffers = {
    x: gpu.buffers.upload("x", x),
    gain: gpu.buffers.upload("gain", gain),
    w: gpu.buffers.upload("w", w.data),
    logits,
  };
  const params = { rows, first, cols, k4: k / 4, eps: EPS };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), normMatmulGrid(cols, rows));
  const [data] = await gpu.submitAndRead([recording], [logits]);

  const size = { rows, first, cols, k, eps: EPS };
  const plain = reference(x, gain, w.values, size);
  const expected = cap === undefined ? plain : plain.map((z) => softcap(z, cap));
  const magnitude = reference(x.map(Math.abs), gain.map(Math.abs), w.values.map(Math.abs), size);
  const tolerance: Tolerance = (i) =>
    // The slope of a soft cap is at most 1.
    normDotTolerance(k, lanes, plain[i]!, magnitude[i]!, type) +
    (cap === undefined ? 0 : softcapError(cap));
  const actual = new Float32Array(data!);
  return {
    actual: actual.subarray(0, rows * cols),
    beyond: actual[rows * cols],
    expected,
    tolerance,
  };
}

/** Compiling takes most of the time, so that row tiles and lane counts are paired, not multiplied. */
const SHAPES = {
  f32: [
    [1, 0, 1, 4],
    [1, 0, 4096, 64],
    [2, 3, 512, 256],
    [3, 1, 257, 576],
    [9, 2, 33, 100],
    [1, 5, 130, 2048],
  ],
  f16: [
    [1, 0, 512, 64],
    [3, 2, 67, 172],
    [17, 1, 33, 64],
    [1, 0, 67, 2048],
  ],
  q8: [[3, 2, 67, 172]],
  q4: [[17, 1, 33, 100]],
} as const;

const TYPES = Object.keys(SHAPES) as (keyof typeof SHAPES)[];

test.each(TYPES)(
  "%s weights agree with f64",
  (type) =>
    withGpu(async (gpu) => {
      for (const [rows, first, cols, k] of SHAPES[type]) {
        const { actual, expected, tolerance, beyond } = await run(gpu, {
          rows,
          first,
          cols,
          k,
          type,
        });
        expectClose(
          actual,
          expected,
          tolerance,
          `rows ${rows} from ${first}, cols ${cols}, k ${k}`,
        );
        expect(beyond).toBe(7);
      }
    }),
  MANY_VARIANTS,
);

test("with a soft cap, logits stay within it, whatever their size", () =>
  withGpu(async (gpu) => {
    const size = { rows: 7, first: 0, cols: 33, k: 100, type: "f32", cap: 1.5 } as const;
    const { actual, expected, tolerance } = await run(gpu, size);
    expect(Math.max(...expected)).toBeGreaterThan(1);
    expectClose(actual, expected, tolerance, "soft cap");
    const plain = plantFault(normMatmul, "logit = softcap(logit, SOFTCAP);", "");
    const fault = await run(gpu, size, plain);
    expect(mismatches(fault.actual, expected, tolerance)).not.toHaveLength(0);
  }));

test("rows of zeros and of tiny numbers stay finite", () =>
  withGpu(async (gpu) => {
    const pipeline = gpu.kernels.compile(normMatmul, {
      statics: { ROWS: 2, WORKGROUP_SIZE: 8 },
    });
    const logits = gpu.buffers.storage("logits", 8);
    const buffers = {
      x: gpu.buffers.upload("x", Float32Array.from([0, 0, 0, 0, 1e-30, -1e-30, 1e-30, 1e-30])),
      gain: gpu.buffers.upload("gain", Float32Array.from([1, 1, 1, 1])),
      w: gpu.buffers.upload("w", Float32Array.from([1, 2, 3, 4])),
      logits,
    };
    const recording = new Recording();
    const params = { rows: 2, first: 0, cols: 1, k4: 1, eps: EPS };
    recording.dispatch(pipeline.bind(gpu.buffers, buffers, params), normMatmulGrid(1, 2));
    const [data] = await gpu.submitAndRead([recording], [logits]);
    const [zero, tiny] = new Float32Array(data!);
    expect(zero).toBe(0);
    expect(Math.abs(tiny! / (6e-30 / Math.sqrt(EPS)) - 1)).toBeLessThan(1e-6);
  }));

faultTest.each([
  ["eps is forgotten", "mean_square + params.eps", "mean_square"],
  [
    "eps is added to the root",
    "inverseSqrt(mean_square + params.eps)",
    "1.0 / (sqrt(mean_square) + params.eps)",
  ],
  ["the sum instead of the mean of squares", "/ f32(params.k4 * 4u)", ""],
  ["no gain", "value * g", "value"],
  ["`first` is forgotten", "params.first + first_row,", "first_row,"],
  ["the gain is counted as part of x", "value, value)", "value * g, value * g)"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const size = { rows: 6, first: 1, cols: 6, k: 100, type: "f32" } as const;
    const { actual, expected, tolerance } = await run(
      gpu,
      size,
      plantFault(normMatmul, right, wrong),
    );
    expect(mismatches(actual, expected, tolerance)).not.toHaveLength(0);
  }),
);
