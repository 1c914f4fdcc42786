import { expect, test } from "vitest";
import { Recording, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import { laneCount, rowTile, swiglu, swigluGrid } from "../../src/kernels/index.ts";
import { gateAndUp, geglu, swiglu as reference } from "../reference/swiglu.ts";
import { awkwardRows, gains, weights } from "../support/awkward.ts";
import { expectClose, mismatches, type Tolerance } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { geluErrors, normDotTolerance, siluErrors, SMALLEST } from "../support/tolerance.ts";

const EPS = 1e-6;

interface Case {
  readonly rows: number;
  readonly cols: number;
  readonly k: number;
  readonly type: WeightType;
  /** Multiplies the weights: large ones drive silu into both of its ends. */
  readonly scale?: number;
  readonly gelu?: boolean;
}

async function run(
  gpu: Gpu,
  { rows, cols, k, type, scale = 1, gelu = false }: Case,
  spec = swiglu,
) {
  const x = awkwardRows(rows, k);
  const gain = gains(k).map((g) => g * scale);
  const w = weights(2 * cols, k, type);
  const lanes = laneCount(k, undefined, type);
  const pipeline = gpu.kernels.compile(spec, {
    statics: { ROWS: rowTile(rows), WORKGROUP_SIZE: lanes },
    constants: gelu ? { GELU: 1 } : {},
    weights: type,
  });
  // One element more than is needed, to see that nothing is stored past the end.
  const h = gpu.buffers.upload("h", new Float32Array(rows * cols + 1).fill(7));
  const buffers = {
    x: gpu.buffers.upload("x", x),
    gain: gpu.buffers.upload("gain", gain),
    w: gpu.buffers.upload("w", w.data),
    h,
  };
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(gpu.buffers, buffers, { rows, cols, k4: k / 4, eps: EPS }),
    swigluGrid(cols, rows),
  );
  const [data] = await gpu.submitAndRead([recording], [h]);

  const size = { rows, cols, k, eps: EPS };
  const sums = gateAndUp(x, gain, w.values, size);
  const magnitudes = gateAndUp(x.map(Math.abs), gain.map(Math.abs), w.values.map(Math.abs), size);
  const tolerance: Tolerance = (i) => {
    const [gate, up] = [sums.gate[i]!, sums.up[i]!];
    const gateError = normDotTolerance(k, lanes, gate, magnitudes.gate[i]!, type);
    const upError = normDotTolerance(k, lanes, up, magnitudes.up[i]!, type);
    const one = { gate: Float64Array.of(gate), up: Float64Array.of(1) };
    const activated = Math.abs((gelu ? geglu(one) : reference(one))[0]!);
    const error = (gelu ? geluErrors : siluErrors)(gate, gateError);
    return 1.001 * (error * Math.abs(up) + activated * upError + error * upError) + SMALLEST;
  };
  const actual = new Float32Array(data!);
  return {
    actual: actual.subarray(0, rows * cols),
    beyond: actual[rows * cols],
    expected: gelu ? geglu(sums) : reference(sums),
    tolerance,
  };
}

/** Compiling takes most of the time, so that row tiles and lane counts are paired, not multiplied. */
const SHAPES = {
  f32: [
    [1, 1, 4, 1],
    [1, 172, 64, 1],
    [2, 129, 256, 20],
    [3, 64, 576, 100],
    [9, 33, 100, 3000],
    [1, 67, 2048, 1],
  ],
  f16: [
    [1, 67, 64, 20],
    [3, 129, 172, 1],
    [17, 33, 64, 300],
    [1, 67, 2048, 1],
  ],
  q8: [[1, 33, 2048, 1]],
  q4: [[3, 64, 172, 1]],
} as const;

const TYPES = Object.keys(SHAPES) as (keyof typeof SHAPES)[];

test.each(TYPES)(
  "%s weights agree with f64",
  (type) =>
    withGpu(async (gpu) => {
      for (const [rows, cols, k, scale] of SHAPES[type]) {
        const { actual, expected, tolerance, beyond } = await run(gpu, {
          rows,
          cols,
          k,
          type,
          scale,
        });
        expectClose(
          actual,
          expected,
          tolerance,
          `rows ${rows}, cols ${cols}, k ${k}, scale ${scale}`,
        );
        expect(beyond).toBe(7);
      }
    }),
  MANY_VARIANTS,
);

test("with gelu, from gates that it passes to gates that it blocks", () =>
  withGpu(async (gpu) => {
    for (const scale of [1, 100]) {
      const size = { rows: 7, cols: 33, k: 100, type: "f32", scale, gelu: true } as const;
      const { actual, expected, tolerance } = await run(gpu, size);
      expectClose(actual, expected, tolerance, `scale ${scale}`);
    }
    const size = { rows: 7, cols: 33, k: 100, type: "f32" } as const;
    const { expected, tolerance } = await run(gpu, { ...size, gelu: true });
    const { actual } = await run(gpu, size);
    expect(mismatches(actual, expected, tolerance), "silu is seen").not.toHaveLength(0);
  }));

faultTest.each([
  ["gate and up are swapped in the sigmoid", "max(slope(gate), -80.0)", "max(slope(up), -80.0)"],
  ["the wrong sign in the sigmoid", "exp(-max(slope(gate), -80.0))", "exp(min(slope(gate), 80.0))"],
  ["up rows start one row late", "params.cols + pair", "params.cols - 1u + pair"],
  ["relu instead of silu", "gate / (1.0 + exp(-max(slope(gate), -80.0)))", "max(gate, 0.0)"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const { actual, expected, tolerance } = await run(
      gpu,
      { rows: 6, cols: 7, k: 100, type: "f32" },
      plantFault(swiglu, right, wrong),
    );
    expect(mismatches(actual, expected, tolerance)).not.toHaveLength(0);
  }),
);
