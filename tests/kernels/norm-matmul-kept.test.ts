import { expect, test } from "vitest";
import { Recording, type Gpu, type WeightType } from "../../src/gpu/index.ts";
import {
  keptTokens,
  laneCount,
  normMatmul,
  normMatmulGrid,
  normMatmulKept,
  rowTile,
} from "../../src/kernels/index.ts";
import { normMatmulKept as reference } from "../reference/norm-matmul-kept.ts";
import { softcap } from "../reference/softcap.ts";
import { awkwardRows, gains, weights } from "../support/awkward.ts";
import { mismatches } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { normDotTolerance, softcapError } from "../support/tolerance.ts";

const EPS = 1e-5;

interface Case {
  readonly rows: number;
  readonly first: number;
  readonly vocab: number;
  readonly kept: readonly number[];
  readonly k: number;
  readonly type: WeightType;
  readonly cap?: number;
}

const every = (vocab: number, step: number, from = 0) =>
  Array.from({ length: Math.ceil((vocab - from) / step) }, (_, i) => from + i * step);

/** Few row tiles and lane counts, each a pipeline to compile. */
const CASES: readonly Case[] = [
  { rows: 1, first: 0, vocab: 1, kept: [0], k: 4, type: "f32" },
  { rows: 1, first: 2, vocab: 515, kept: [514], k: 64, type: "f32" },
  { rows: 1, first: 0, vocab: 257, kept: [0, 31, 32, 33, 256], k: 60, type: "f32" },
  { rows: 3, first: 1, vocab: 1000, kept: every(1000, 3, 1), k: 60, type: "f32" },
  { rows: 3, first: 0, vocab: 100, kept: every(100, 1), k: 64, type: "f32" },
  { rows: 3, first: 0, vocab: 100, kept: every(100, 7), k: 64, type: "f32", cap: 1.5 },
  { rows: 64, first: 1, vocab: 67, kept: every(67, 2), k: 64, type: "f32" },
  { rows: 1, first: 0, vocab: 640, kept: every(640, 5), k: 172, type: "f16" },
];

async function run(gpu: Gpu, one: Case, spec = normMatmulKept) {
  const { rows, first, vocab, kept, k, type, cap } = one;
  const constants = cap === undefined ? {} : { SOFTCAP: cap };
  const [x, gain, w] = [awkwardRows(first + rows, k), gains(k), weights(vocab, k, type)];
  const lanes = laneCount(k);
  const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: lanes };
  const scope = gpu.buffers.child("case");
  const inputs = {
    x: scope.upload("x", x),
    gain: scope.upload("gain", gain),
    w: scope.upload("w", w.data),
  };
  // Full of something else, as the pass before leaves it; and one element more than is needed.
  const fresh = () => scope.upload("logits", new Float32Array(rows * vocab + 1).fill(7));
  const [trimmed, whole] = [fresh(), fresh()];
  const size = { rows, first, k4: k / 4, eps: EPS };
  const recording = new Recording();
  const pipeline = gpu.kernels.compile(spec, { statics, constants, weights: type });
  recording.dispatch(
    pipeline.bind(
      scope,
      { ...inputs, kept: scope.upload("kept", keptTokens(kept, vocab)), logits: trimmed },
      { ...size, count: kept.length, vocab },
    ),
    normMatmulGrid(kept.length, rows),
  );
  const other = gpu.kernels.compile(normMatmul, { statics, constants, weights: type });
  recording.dispatch(
    other.bind(scope, { ...inputs, logits: whole }, { ...size, cols: vocab }),
    normMatmulGrid(vocab, rows),
  );
  const read = await gpu.submitAndRead([recording], [trimmed, whole]);
  scope.dispose();
  // Buffers end on 16 bytes.
  const [logits, untrimmed] = read.map((bytes) => new Float32Array(bytes, 0, rows * vocab + 1));

  const set = new Set(kept);
  const shape = { rows, first, vocab, k, eps: EPS };
  const plain = reference(x, gain, w.values, set, shape);
  const expected = plain.map((z) => (cap === undefined || z === -Infinity ? z : softcap(z, cap)));
  const abs = (values: Float32Array) => values.map(Math.abs);
  const magnitudes = reference(abs(x), abs(gain), abs(w.values), set, shape);
  const wrong = (actual: Float32Array) => {
    const finite = expected.map(Number.isFinite);
    const places = expected.flatMap((value, i) => (Number.isFinite(value) ? [i] : []));
    const bound = (i: number) =>
      // The slope of a soft cap is at most 1.
      normDotTolerance(k, lanes, plain[places[i]!]!, magnitudes[places[i]!]!) +
      (cap === undefined ? 0 : softcapError(cap));
    const far = mismatches(
      Float32Array.from(places, (i) => actual[i]!),
      Float64Array.from(places, (i) => expected[i]!),
      bound,
    );
    return far.length + finite.filter((is, i) => !is && actual[i] !== -Infinity).length;
  };
  return { logits: logits!, untrimmed: untrimmed!, set, wrong };
}

test(
  "kept tokens agree with f64 and, to the bit, with the whole head; all others are excluded",
  () =>
    withGpu(async (gpu) => {
      for (const one of CASES) {
        const { rows, vocab, kept, k, type } = one;
        const what = `${rows} rows, ${kept.length} of ${vocab}, k ${k}, ${type}`;
        const { logits, untrimmed, set, wrong } = await run(gpu, one);
        expect(wrong(logits.subarray(0, rows * vocab)), what).toBe(0);
        const expected = untrimmed.map((x, i) =>
          i === rows * vocab || set.has(i % vocab) ? x : -Infinity,
        );
        expect(logits, what).toEqual(expected);
        expect(logits[rows * vocab]).toBe(7);
      }
    }),
  MANY_VARIANTS,
);

test("a vocabulary of more workgroups than one dimension takes", () =>
  withGpu(async (gpu) => {
    // 262,144 tokens are 65,536 workgroups.
    const vocab = 262_144;
    const kept = every(vocab, 1);
    const { logits, untrimmed } = await run(gpu, {
      rows: 1,
      first: 0,
      vocab,
      kept,
      k: 4,
      type: "f32",
    });
    expect(logits.subarray(-5)).toEqual(untrimmed.subarray(-5));
    expect(logits).toEqual(untrimmed);
    expect(logits.indexOf(7)).toBe(vocab);
  }));

faultTest.each([
  [
    "others are left as they were",
    "key_number(NEGATIVE_INFINITY_KEY)",
    "logits[row * params.vocab + token]",
  ],
  ["rows of w are not looked up", "kept[places.y]", "places.y"],
  ["the bits are off by one", "token % 32u", "(token + 1u) % 32u"],
  ["`first` is forgotten", "params.first + first_row,", "first_row,"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const one = {
      rows: 6,
      first: 1,
      vocab: 70,
      kept: every(70, 3, 2),
      k: 100,
      type: "f32",
    } as const;
    const { logits, wrong: count } = await run(gpu, one, plantFault(normMatmulKept, right, wrong));
    expect(count(logits)).toBeGreaterThan(0);
  }),
);
