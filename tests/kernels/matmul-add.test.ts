import { expect, test } from "vitest";
import { Recording, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import { laneCount, matmulAdd, matmulAddGrid, rowTile } from "../../src/kernels/index.ts";
import { matmulAdd as reference } from "../reference/matmul-add.ts";
import { awkwardRows, weights } from "../support/awkward.ts";
import { expectClose, mismatches, type Tolerance } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { dotRoundings, gamma, SMALLEST } from "../support/tolerance.ts";

interface Case {
  readonly rows: number;
  readonly cols: number;
  readonly k: number;
  readonly type: WeightType;
}

async function run(gpu: Gpu, { rows, cols, k, type }: Case, spec = matmulAdd, adds = true) {
  const x = awkwardRows(rows, k);
  const w = weights(cols, k, type);
  const y = awkwardRows(rows, cols, 3);
  const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(k, undefined, type) };
  const pipeline = gpu.kernels.compile(spec, {
    statics,
    constants: adds ? {} : { ADD: 0 },
    weights: type,
  });
  // One element more than is needed, to see that nothing is stored past the end.
  const out = gpu.buffers.upload("y", Float32Array.from([...y, 7]));
  const buffers = { x: gpu.buffers.upload("x", x), w: gpu.buffers.upload("w", w.data), y: out };
  const recording = new Recording();
  recording.dispatch(
    pipeline.bind(gpu.buffers, buffers, { rows, cols, k4: k / 4 }),
    matmulAddGrid(cols, rows),
  );
  const [data] = await gpu.submitAndRead([recording], [out]);

  const size = { rows, cols, k };
  const absolute = (values: Float32Array) => values.map(Math.abs);
  const magnitude = reference(absolute(x), absolute(w.values), new Float32Array(y.length), size);
  const expected = reference(x, w.values, adds ? y : new Float32Array(y.length), size);
  const unit = gamma(dotRoundings(k, statics.WORKGROUP_SIZE, type));
  const tolerance: Tolerance = (i) =>
    1.001 * (unit * magnitude[i]! + gamma(1) * Math.abs(expected[i]!)) + k * SMALLEST;
  return {
    actual: new Float32Array(data!, 0, y.length),
    beyond: new Float32Array(data!)[y.length],
    expected,
    tolerance,
  };
}

/** Compiling takes most of the time, so that row tiles and lane counts are paired, not multiplied. */
const SHAPES = {
  f32: [
    [1, 1, 4],
    [1, 257, 64],
    [2, 64, 172],
    [3, 67, 688],
    [9, 33, 100],
    [64, 5, 64],
    [1, 300, 2048],
  ],
  f16: [
    [1, 64, 64],
    [3, 257, 172],
    [17, 33, 64],
    [1, 67, 2048],
  ],
  q8: [
    [3, 67, 172],
    [1, 33, 2048],
  ],
  q4: [
    [9, 67, 172],
    [1, 33, 4096],
  ],
  "q8-wide": [[1, 33, 100]],
  "q4-wide": [[3, 33, 172]],
} as const;

const TYPES = Object.keys(SHAPES) as WeightType[];

test.each(TYPES)(
  "%s weights agree with f64",
  (type) =>
    withGpu(async (gpu) => {
      for (const [rows, cols, k] of SHAPES[type]) {
        const { actual, expected, tolerance, beyond } = await run(gpu, { rows, cols, k, type });
        expectClose(actual, expected, tolerance, `rows ${rows}, cols ${cols}, k ${k}`);
        expect(beyond).toBe(7);
      }
    }),
  MANY_VARIANTS,
);

test("without ADD, in place of what was there", () =>
  withGpu(async (gpu) => {
    const size = { rows: 5, cols: 33, k: 100, type: "f32" } as const;
    const { actual, expected, tolerance } = await run(gpu, size, matmulAdd, false);
    expectClose(actual, expected, tolerance, "product alone");
  }));

faultTest.each([
  ["y is overwritten", "y[at], ADD == 1u)", "0.0, ADD == 1u)"],
  ["the last row is left out", "row < params.rows", "row + 1u < params.rows"],
  ["the last vec4 is left out", "place < places(params.k4)", "place < places(params.k4) - 1u"],
  [
    "the lanes are not all added up",
    "return partials[at] + partials[at + 1u]",
    "return partials[at]",
  ],
  ["one product too few", "fma(weights[0], vec4(x.x), sum)", "sum"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const { actual, expected, tolerance } = await run(
      gpu,
      { rows: 3, cols: 6, k: 100, type: "f32" },
      plantFault(matmulAdd, right, wrong),
    );
    expect(mismatches(actual, expected, tolerance)).not.toHaveLength(0);
  }),
);

faultTest.each([
  ["a block has its neighbour's scale", "place.scales.y, part >=", "place.scales.y, part <"],
  ["a group has the next one's scales", "w[scales_at + group / 4u]", "w[scales_at + group / 8u]"],
  ["the zero point is forgotten", "const ZERO = 8.0", "const ZERO = 0.0"],
  ["x of the neighbouring lane", "+ place % LANES + part", "+ (place + 1u) % LANES + part"],
  ["nibbles from the highest on", "vec4(0u, 4u, 8u, 12u)", "vec4(12u, 8u, 4u, 0u)"],
  ["what fills the last group up is counted", "if (k < params.k4)", "if (k < params.k4 + 9u)"],
])("a planted fault in reading blocks is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const { actual, expected, tolerance } = await run(
      gpu,
      { rows: 3, cols: 6, k: 420, type: "q4" },
      plantFault(matmulAdd, right, wrong),
    );
    expect(mismatches(actual, expected, tolerance)).not.toHaveLength(0);
  }),
);
