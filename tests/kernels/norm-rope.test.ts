import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import { normRope, normRopeGrid } from "../../src/kernels/index.ts";
import { normRope as reference } from "../reference/norm-rope.ts";
import { awkwardRows, gains } from "../support/awkward.ts";
import { differingBits, expectClose, mismatches } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { gamma, SMALLEST, UNIT } from "../support/tolerance.ts";

const EPS = 1e-6;
const THETA = 10_000;
const LANES = 4;

interface Case {
  readonly rows: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
}

/** All inputs of a case: places in the cache are not in the order of rows, and siblings share a position. */
function inputs({ rows, heads, kvHeads, headDim }: Case) {
  const slots = rows + 3;
  const positions = Array.from({ length: rows }, (_, r) => 3 + Math.floor(r / 2) * 40);
  const places = positions.map((position, r) => ({ position, slot: slots - 2 - r }));
  const last = positions.at(-1)! + 1;
  const half = headDim / 2;
  const angle = (position: number, i: number) => position * THETA ** (-i / half);
  const rope = Float32Array.from({ length: last * headDim }, (_, at) => {
    const i = at % headDim;
    const turn = angle(Math.floor(at / headDim), i % half);
    return i < half ? Math.cos(turn) : Math.sin(turn);
  });
  return {
    slots,
    places,
    rope,
    angle,
    q: awkwardRows(rows * heads, headDim),
    kv: awkwardRows(2 * slots * kvHeads, headDim, 11),
    // Of q, then of k: no two alike.
    gain: Float32Array.from([...gains(headDim), ...gains(headDim).map((g) => 0.5 - 2 * g)]),
  };
}

type Inputs = ReturnType<typeof inputs>;

/** Runs rows `first..first + count` of the case. */
async function run(
  gpu: Gpu,
  size: Case,
  input: Inputs,
  spec = normRope,
  first = 0,
  count = size.rows,
) {
  const { heads, kvHeads, headDim } = size;
  const pipeline = gpu.kernels.compile(spec, { statics: { WORKGROUP_SIZE: LANES } });
  const scope = gpu.buffers;
  const rows = input.places
    .slice(first, first + count)
    .flatMap(({ position, slot }, r) => [r, 0, position, slot]);
  const width = heads * headDim;
  const buffers = {
    gains: scope.upload("gains", input.gain),
    rope: scope.upload("rope", input.rope),
    rows: scope.upload("rows", Uint32Array.from(rows)),
    q: scope.upload("q", input.q.slice(first * width, (first + count) * width)),
    kv: scope.upload("kv", input.kv),
  };
  const recording = new Recording();
  const params = { heads, kv_heads: kvHeads, head_dim: headDim, slots: input.slots, eps: EPS };
  recording.dispatch(pipeline.bind(scope, buffers, params), normRopeGrid(heads, kvHeads, count));
  const [q, kv] = await gpu.submitAndRead([recording], [buffers.q, buffers.kv]);
  return {
    q: new Float32Array(q!, 0, count * width),
    kv: new Float32Array(kv!, 0, input.kv.length),
  };
}

/** What q and the whole cache should be, and how far each number may be off. */
function expectation({ heads, kvHeads, headDim }: Case, input: Inputs) {
  const half = headDim / 2;
  const q = { values: Float64Array.from(input.q), errors: new Float64Array(input.q.length) };
  const kv = { values: Float64Array.from(input.kv), errors: new Float64Array(input.kv.length) };
  // The sum of squares: a product, a lane's additions, those of the lanes and of the two columns; a division and an
  // addition. The root halves it, inverseSqrt adds 2; gain and scale are two products.
  const roundings = 1 + Math.ceil(half / LANES) + Math.log2(LANES) + 1;
  const relative = (gamma(roundings) + 3.5 * UNIT) / 2 + 2 * UNIT + gamma(2);
  const apply = (to: typeof q, at: number, position: number, gain: Float32Array) => {
    const angles = Array.from({ length: half }, (_, i) => input.angle(position, i));
    const { normed, out } = reference(to.values.slice(at, at + headDim), gain, angles, EPS);
    to.values.set(out, at);
    for (let i = 0; i < headDim; i++) {
      const both = Math.abs(normed[i]!) + Math.abs(normed[(i + half) % headDim]!);
      to.errors[at + i] = 1.001 * (relative + 3.5 * UNIT) * both + 8 * SMALLEST;
    }
  };
  input.places.forEach(({ position, slot }, r) => {
    for (let h = 0; h < heads; h++) {
      apply(q, (r * heads + h) * headDim, position, input.gain.subarray(0, headDim));
    }
    for (let h = 0; h < kvHeads; h++) {
      apply(kv, (slot * kvHeads + h) * headDim, position, input.gain.subarray(headDim));
    }
  });
  return { q, kv };
}

const CASES: readonly Case[] = [
  { rows: 1, heads: 1, kvHeads: 1, headDim: 4 },
  { rows: 5, heads: 3, kvHeads: 1, headDim: 12 },
  { rows: 3, heads: 4, kvHeads: 2, headDim: 128 },
  { rows: 2, heads: 2, kvHeads: 1, headDim: 256 },
];

test("heads agree with f64; values and the slots of other rows stay as they are", () =>
  withGpu(async (gpu) => {
    for (const size of CASES) {
      const input = inputs(size);
      const actual = await run(gpu, size, input);
      const expected = expectation(size, input);
      for (const part of ["q", "kv"] as const) {
        const { values, errors } = expected[part];
        expectClose(actual[part], values, (i) => errors[i]!, `${part}, ${JSON.stringify(size)}`);
      }
    }
  }));

test("a row's bits do not depend on the rows beside it", () =>
  withGpu(async (gpu) => {
    const size: Case = { rows: 64, heads: 2, kvHeads: 1, headDim: 20 };
    const input = inputs(size);
    const together = await run(gpu, size, input);
    for (const row of [0, 1, 30, 63]) {
      const alone = await run(gpu, size, input, normRope, row, 1);
      expect(differingBits(alone.q, together.q.slice(row * 40, (row + 1) * 40))).toBe(0);
      const at = input.places[row]!.slot * 20;
      expect(differingBits(alone.kv.slice(at, at + 20), together.kv.slice(at, at + 20))).toBe(0);
    }
  }));

test("a row before the first token (position and slot -1) leaves the cache alone", () =>
  withGpu(async (gpu) => {
    const size: Case = { rows: 1, heads: 1, kvHeads: 1, headDim: 4 };
    const nowhere = 2 ** 32 - 1;
    const input = { ...inputs(size), places: [{ position: nowhere, slot: nowhere }] };
    expect([...(await run(gpu, size, input)).kv]).toEqual([...input.kv]);
  }));

faultTest.each([
  ["keys take the gain of queries", "select(0u, params.head_dim, is_key)", "0u"],
  ["the other half takes the first one's gain", "gains[gain_at + i + half]", "gains[gain_at + i]"],
  ["eps is forgotten", "+ params.eps", ""],
  ["the second half is left out of the sum", "sums.x + sums.y", "sums.x"],
  ["the first lane's pairs alone", "add_lanes(lane, &squares);", "workgroupBarrier();"],
  ["the rotation turns the other way", "fma(-u.y, sine", "fma(u.y, sine"],
  ["positions are off by one", "place.position *", "(place.position + 1u) *"],
  ["keys of the first slot", "(place.slot * params.kv_heads", "(group.y * params.kv_heads"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const size: Case = { rows: 6, heads: 2, kvHeads: 1, headDim: 20 };
    const input = inputs(size);
    const actual = await run(gpu, size, input, plantFault(normRope, right, wrong));
    const expected = expectation(size, input);
    const found = (["q", "kv"] as const).flatMap((part) =>
      mismatches(actual[part], expected[part].values, (i) => expected[part].errors[i]!),
    );
    expect(found).not.toHaveLength(0);
  }),
);
