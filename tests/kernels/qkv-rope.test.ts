import { expect, test } from "vitest";
import { Recording, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import { laneCount, qkvRope, qkvRopeGrid, rowTile } from "../../src/kernels/index.ts";
import { qkvRope as reference, type Qkv } from "../reference/qkv-rope.ts";
import { awkwardRows, gains, weights } from "../support/awkward.ts";
import { expectClose, mismatches } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { normDotTolerance, UNIT } from "../support/tolerance.ts";

const EPS = 1e-5;
const THETA = 10_000;
const UNTOUCHED = 77;

interface Case {
  readonly rows: number;
  readonly hidden: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly type: WeightType;
  readonly bias?: boolean;
  /** Whether q and k are rotated. Default: true. */
  readonly rotate?: boolean;
}

/** `[positions, headDim]`: cosines, then sines. */
function ropeTable(positions: number, headDim: number): Float32Array<ArrayBuffer> {
  const half = headDim / 2;
  return Float32Array.from({ length: positions * headDim }, (_, at) => {
    const i = at % headDim;
    const angle = Math.floor(at / headDim) * THETA ** (-(i % half) / half);
    return i < half ? Math.cos(angle) : Math.sin(angle);
  });
}

async function run(
  gpu: Gpu,
  { rows, hidden, heads, kvHeads, headDim, type, bias = false, rotate = true }: Case,
  spec = qkvRope,
) {
  const slots = rows + 5;
  const kvDim = kvHeads * headDim;
  const outputs = (heads + 2 * kvHeads) * headDim;
  // Siblings share a position; slots are not in the order of rows.
  const positions = Array.from({ length: rows }, (_, r) => 3 + Math.floor(r / 2) * 40);
  const places = positions.map((position, r) => ({ position, slot: slots - 2 - r }));
  const gpuRows = places.flatMap(({ position, slot }, r) => [r, position - r, position, slot]);
  const x = awkwardRows(rows, hidden);
  const gain = gains(hidden);
  const w = weights(outputs, hidden, type);
  const lanes = laneCount(hidden, undefined, type);
  const biases = bias ? awkwardRows(1, outputs, 17) : new Float32Array(outputs);

  const pipeline = gpu.kernels.compile(spec, {
    statics: { ROWS: rowTile(rows), WORKGROUP_SIZE: lanes },
    constants: { ...(bias && { BIAS: 1 }), ...(!rotate && { ROTATE: 0 }) },
    weights: type,
  });
  const { buffers: scope } = gpu;
  const buffers = {
    x: scope.upload("x", x),
    gain: scope.upload("gain", Float32Array.from([...gain, ...biases])),
    w: scope.upload("w", w.data),
    rope: scope.upload("rope", ropeTable(positions.at(-1)! + 1, headDim)),
    rows: scope.upload("rows", Uint32Array.from(gpuRows)),
    q: scope.storage("q", rows * heads * headDim * 4),
    kv: scope.upload("kv", new Float32Array(2 * slots * kvDim).fill(UNTOUCHED)),
  };
  const params = {
    rows,
    k4: hidden / 4,
    heads,
    kv_heads: kvHeads,
    head_dim: headDim,
    slots,
    eps: EPS,
  };
  const recording = new Recording();
  recording.dispatch(pipeline.bind(scope, buffers, params), qkvRopeGrid(outputs, rows));
  const [q, kvData] = await gpu.submitAndRead([recording], [buffers.q, buffers.kv]);

  const kv = new Float32Array(kvData!);
  const taken = new Set(places.map((place) => place.slot));
  const plane = (which: number) =>
    places.flatMap(({ slot }) => [
      ...kv.subarray((which * slots + slot) * kvDim).subarray(0, kvDim),
    ]);
  const size = { rows, hidden, heads, kvHeads, headDim, eps: EPS, theta: THETA, biases };
  const unrotated = positions.map(() => 0);
  return {
    actual: { q: [...new Float32Array(q!, 0, rows * heads * headDim)], k: plane(0), v: plane(1) },
    /** What lies in the slots that no row owns. */
    rest: kv.filter((_, i) => !taken.has(Math.floor(i / kvDim) % slots)),
    expected: reference(x, gain, w.values, rotate ? positions : unrotated, size),
    tolerance: tolerances(
      reference(x, gain, w.values, unrotated, size),
      reference(x.map(Math.abs), gain.map(Math.abs), w.values.map(Math.abs), unrotated, {
        ...size,
        biases: biases.map(Math.abs),
      }),
      { hidden, lanes, headDim, type },
    ),
  };
}

/** Allowed errors from the values before rotation and their terms' magnitudes. */
function tolerances(
  values: Qkv,
  magnitudes: Qkv,
  { hidden, lanes, headDim, type }: Pick<Case, "hidden" | "headDim" | "type"> & { lanes: number },
): Qkv {
  const dot = (part: keyof Qkv) =>
    values[part].map((value, i) =>
      normDotTolerance(hidden, lanes, value, magnitudes[part][i]!, type),
    );
  // A rotation: the errors of both halves, two roundings of each product's sum, and the table's own half ulp.
  const rotated = (part: "q" | "k") => {
    const errors = dot(part);
    return errors.map((error, i) => {
      const other = i % headDim < headDim / 2 ? i + headDim / 2 : i - headDim / 2;
      return (
        error +
        errors[other]! +
        3.5 * UNIT * (Math.abs(values[part][i]!) + Math.abs(values[part][other]!))
      );
    });
  };
  return { q: rotated("q"), k: rotated("k"), v: dot("v") };
}

/** Compiling takes most of the time, so that row tiles and lane counts are paired, not multiplied. */
const SHAPES = {
  f32: [
    [1, 4, 1, 1, 4],
    [1, 64, 8, 4, 8],
    [2, 256, 8, 4, 32],
    [3, 576, 9, 3, 64],
    [9, 100, 2, 2, 80],
    [1, 2048, 2, 1, 64],
  ],
  f16: [
    [1, 64, 2, 1, 128],
    [3, 172, 3, 1, 20],
    [17, 64, 1, 1, 96],
    [1, 2048, 2, 1, 64],
  ],
  q8: [[3, 172, 3, 1, 20]],
  q4: [[1, 2048, 2, 1, 64]],
} as const;

const TYPES = Object.keys(SHAPES) as (keyof typeof SHAPES)[];

test.each(TYPES)(
  "%s weights agree with f64, and only the rows' own slots change",
  (type) =>
    withGpu(async (gpu) => {
      for (const [rows, hidden, heads, kvHeads, headDim] of SHAPES[type]) {
        const { actual, expected, tolerance, rest } = await run(gpu, {
          rows,
          hidden,
          heads,
          kvHeads,
          headDim,
          type,
        });
        for (const part of ["q", "k", "v"] as const) {
          const what = `${part}: rows ${rows}, hidden ${hidden}, heads ${heads}/${kvHeads} of ${headDim}`;
          expectClose(actual[part], expected[part], (i) => tolerance[part][i]!, what);
        }
        expect(rest.every((value) => value === UNTOUCHED)).toBe(true);
      }
    }),
  MANY_VARIANTS,
);

test("a row before the first token (position and slot -1) leaves the cache alone", () =>
  withGpu(async (gpu) => {
    const pipeline = gpu.kernels.compile(qkvRope, { statics: { WORKGROUP_SIZE: 8 } });
    const { buffers: scope } = gpu;
    const ones = new Float32Array(64).fill(1);
    const buffers = {
      x: scope.upload("x", ones),
      gain: scope.upload("gain", ones),
      w: scope.upload("w", ones),
      rope: scope.upload("rope", ones),
      rows: scope.upload("rows", Uint32Array.of(0, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1)),
      q: scope.storage("q", 16),
      kv: scope.upload("kv", new Float32Array(2 * 3 * 4).fill(UNTOUCHED)),
    };
    const params = { rows: 1, k4: 1, heads: 1, kv_heads: 1, head_dim: 4, slots: 3, eps: EPS };
    const recording = new Recording();
    recording.dispatch(pipeline.bind(scope, buffers, params), qkvRopeGrid(12, 1));
    const [kv] = await gpu.submitAndRead([recording], [buffers.kv]);
    expect([...new Float32Array(kv!)]).toEqual(Array.from({ length: 24 }, () => UNTOUCHED));
  }));

test("with biases, and without rotation", () =>
  withGpu(async (gpu) => {
    const size = { rows: 6, hidden: 64, heads: 2, kvHeads: 1, headDim: 12, type: "f32" } as const;
    for (const part of [{ bias: true }, { rotate: false }]) {
      const { actual, expected, tolerance } = await run(gpu, { ...size, ...part });
      const plain = await run(gpu, size);
      for (const name of ["q", "k", "v"] as const) {
        const what = `${name}, ${JSON.stringify(part)}`;
        expectClose(actual[name], expected[name], (i) => tolerance[name][i]!, what);
        const isSame = name === "v" && !part.bias;
        const off = mismatches(plain.actual[name], expected[name], (i) => tolerance[name][i]!);
        expect(off.length > 0, `${what} against a plain pass`).toBe(!isSame);
      }
    }
  }));

faultTest.each([
  ["the rotation turns the other way", "rope[angle + half])", "-rope[angle + half])"],
  [
    "interleaved instead of half-split pairs",
    "pair / half * params.head_dim + pair % half",
    "pair * 2u",
  ],
  [
    "positions are off by one",
    "place.position * params.head_dim",
    "(place.position + 1u) * params.head_dim",
  ],
  [
    "values are rotated too",
    "start >= q_size + kv_size",
    "start >= q_size + kv_size + params.head_dim",
  ],
  ["keys are not rotated", "kv[at] = rotated.x", "kv[at] = pair.x"],
  ["eps is forgotten", "mean_square + params.eps", "mean_square"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const size = { rows: 6, hidden: 64, heads: 2, kvHeads: 1, headDim: 8, type: "f32" } as const;
    const { actual, expected, tolerance } = await run(gpu, size, plantFault(qkvRope, right, wrong));
    const found = (["q", "k", "v"] as const).flatMap((part) =>
      mismatches(actual[part], expected[part], (i) => tolerance[part][i]!),
    );
    expect(found).not.toHaveLength(0);
  }),
);
