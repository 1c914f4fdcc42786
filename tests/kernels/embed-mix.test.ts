// embed-mix against the f64 reference; a mix of one token is that token's row, bit for bit.
import { expect, test } from "vitest";
import { type Gpu, Recording, type WeightType } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import { embedMix as reference } from "../reference/embed-mix.ts";
import { weights as weightsOf } from "../support/awkward.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { gamma, SMALLEST } from "../support/tolerance.ts";

const VOCAB = 50;
const { embedMix, DRAFTS, MOST_DRAFTS } = kernels;

interface Case {
  readonly hidden: number;
  readonly type: WeightType;
  readonly tokens: readonly number[];
  readonly shares: readonly number[];
  /** A power of two, so that the product is exact. */
  readonly scale?: number;
}

async function run(gpu: Gpu, { hidden, type, tokens, shares, scale }: Case, spec = embedMix) {
  const table = weightsOf(VOCAB, hidden, type);
  const words = kernels.encodeDrafts([1]);
  words[DRAFTS.offsets.live / 4] = tokens.length;
  words.set(tokens, DRAFTS.offsets.token / 4);
  new Float32Array(words.buffer).set(shares, DRAFTS.offsets.weight / 4);
  const { buffers: scope } = gpu;
  const buffers = {
    control: scope.upload("control", kernels.encodeControl({ base: 17 })),
    drafts: scope.upload("drafts", words),
    w: scope.upload("w", table.data),
    // A row more than is needed, to see that nothing is stored past the end.
    rows: scope.upload("rows", new Uint32Array(8).fill(77)),
    x: scope.upload("x", new Float32Array(2 * hidden).fill(77)),
  };
  const pipeline = gpu.kernels.compile(spec, {
    constants: scale === undefined ? {} : { EMBED_SCALE: scale },
    weights: type,
  });
  const recording = new Recording();
  const grid = kernels.embedMixGrid(hidden / 4);
  recording.dispatch(pipeline.bind(scope, buffers, { cols4: hidden / 4 }), grid);
  const [x, rows] = await gpu.submitAndRead([recording], [buffers.x, buffers.rows]);
  expect([...new Uint32Array(rows!)]).toEqual([0, 17, 17, 17, 77, 77, 77, 77]);
  // A reference that adds from 0 has no -0, which a negative scale makes of a 0.
  const all = Array.from(new Float32Array(x!), (value) => value + 0);
  expect(new Set(all.slice(hidden))).toEqual(new Set([77]));
  return {
    x: all.slice(0, hidden),
    expected: reference({ tokens, weights: shares, table: table.values, hidden }),
  };
}

/** Shares that add up to 1, as f32. */
function sharesOf(count: number, seed: number): number[] {
  const uniform = uniforms(seed);
  const raw = Array.from({ length: count }, () => uniform() ** 3);
  const sum = raw.reduce((a, b) => a + b, 0);
  return raw.map((x) => Math.fround(x / sum));
}

function mixOf(count: number, hidden: number, type: WeightType): Case {
  const uniform = uniforms(count + hidden);
  const tokens = Array.from({ length: count }, () => Math.floor(uniform() * VOCAB));
  return { hidden, type, tokens, shares: sharesOf(count, hidden) };
}

function isOff({ x, expected }: Awaited<ReturnType<typeof run>>, count: number): boolean {
  // A product and a sum per token.
  return x.some((value, c) => {
    const most = gamma(count + 1) * expected.magnitudes[c]! + count * SMALLEST;
    return !(Math.abs(value - expected.x[c]!) <= most);
  });
}

const TYPES = Object.keys(embedMix.weights) as WeightType[];

test.each(TYPES)("%s tables: sums of 1 to 10 rows", (type) =>
  withGpu(async (gpu) => {
    for (const [count, hidden] of [
      [1, 4],
      [2, 64],
      [3, 260],
      [MOST_DRAFTS, 576],
    ] as const) {
      expect(isOff(await run(gpu, mixOf(count, hidden, type)), count), `${count}`).toBe(false);
    }
    const one = await run(gpu, { hidden: 260, type, tokens: [31], shares: [1] });
    expect(one.x).toEqual(one.expected.x);
    // The same token three times, and one of weight 0.
    const same = { hidden: 8, type, tokens: [9, 9, 9, 4], shares: [0.5, 0.25, 0.25, 0] };
    const { x, expected } = await run(gpu, same);
    expect(x).toEqual(expected.x);
  }),
);

test("a scale multiplies the mix", () =>
  withGpu(async (gpu) => {
    const mix = mixOf(3, 64, "f32");
    const [plain, scaled] = [await run(gpu, mix), await run(gpu, { ...mix, scale: 8 })];
    expect(scaled.x).toEqual(plain.x.map((value) => 8 * value));
  }));

faultTest.each([
  ["the first draft alone", "i < min(drafts.live, MOST_DRAFTS)", "i < 1u"],
  ["a draft that is not live", "i < min(drafts.live, MOST_DRAFTS)", "i <= drafts.live"],
  ["equal shares", "fma(vec4(weight)", "fma(vec4(0.2)"],
])("a planted fault is seen: %s", (_, right, wrong) =>
  withGpu(async (gpu) => {
    const one = mixOf(5, 64, "f32");
    // What stands beyond the live drafts is not theirs.
    const more = { ...one, shares: [...one.shares, 0.5] };
    expect(isOff(await run(gpu, more), 5)).toBe(false);
    expect(isOff(await run(gpu, more, plantFault(embedMix, right, wrong)), 5)).toBe(true);
  }),
);
