// The random numbers that kernels share (shaders/shared/noise.wgsl), through a kernel that does nothing else.
import { expect, test } from "vitest";
import noise from "../../shaders/shared/noise.wgsl?raw";
import { defineKernel, Recording, type Gpu } from "../../src/gpu/index.ts";
import * as reference from "../reference/noise.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { uniforms } from "../support/random.ts";
import {
  correlation,
  kolmogorov,
  KOLMOGOROV_BOUND,
  SIGMAS,
  worstBitPair,
} from "../support/statistics.ts";
import { faultTest } from "../support/slow-adapters.ts";
import { gumbelRange } from "../support/tolerance.ts";

const noises = defineKernel({
  name: "noises",
  wgsl: `
@group(0) @binding(0) var<storage, read> keys: array<vec4<u32>>;
@group(0) @binding(1) var<storage, read_write> bits: array<u32>;
@group(0) @binding(2) var<storage, read_write> uniforms: array<f32>;
@group(0) @binding(3) var<storage, read_write> gumbels: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3<u32>) {
  let k = keys[id.x];
  bits[id.x] = random_bits(k.x, k.y, k.z, k.w);
  uniforms[id.x] = uniform_number(k.x, k.y, k.z, k.w);
  gumbels[id.x] = gumbel(k.x, k.y, k.z, k.w);
}`,
  shared: [noise],
  buffers: { keys: "read", bits: "read_write", uniforms: "read_write", gumbels: "read_write" },
  params: {},
  constants: {},
});

/** seed, purpose, place, token */
type Key = readonly [number, number, number, number];

/** `keys.length` a multiple of 64. */
async function run(gpu: Gpu, keys: readonly Key[], spec = noises) {
  const { buffers } = gpu;
  const data = new Uint32Array(keys.length * 4);
  keys.forEach((key, i) => data.set(key, i * 4));
  const results = ["bits", "uniforms", "gumbels"].map((name) =>
    buffers.storage(name, keys.length * 4),
  );
  const [bits, uniform, gumbels] = results;
  const bound = {
    keys: buffers.upload("keys", data),
    bits: bits!,
    uniforms: uniform!,
    gumbels: gumbels!,
  };
  const recording = new Recording();
  const pipeline = gpu.kernels.compile(spec);
  recording.dispatch(pipeline.bind(buffers, bound, {}), [keys.length / 64]);
  const [a, b, c] = await gpu.submitAndRead([recording], results);
  return {
    bits: new Uint32Array(a!),
    uniforms: new Float32Array(b!),
    gumbels: new Float32Array(c!),
  };
}

function randomKeys(count: number): Key[] {
  const next = uniforms(11);
  const word = () => Math.floor(next() * 2 ** 32);
  return Array.from({ length: count }, (_, i) =>
    i % 2
      ? [word(), word() % 4, word(), word()]
      : [word() % 9, word() % 4, word() % 4096, word() % 128000],
  );
}

/** Numbers that the formula itself can get wrong: the ends, and both sides of every power of two. */
const TELLING_BITS = [
  ...Array.from({ length: 64 }, (_, i) => i),
  ...Array.from({ length: 64 }, (_, i) => 2 ** 32 - 1 - i),
  ...Array.from({ length: 32 }, (_, i) => [
    2 ** i - 1,
    2 ** i,
    2 ** i + 1,
    2 ** 32 - 2 ** i,
  ]).flat(),
  ...Array.from({ length: 256 }, (_, i) => 2 ** 27 - 128 + i),
  ...Array.from({ length: 60_992 }, (_, i) => Math.floor(2 ** 32 * uniforms(i)())),
].map((bits) => Math.max(0, bits));

function outside(bits: ArrayLike<number>, gumbels: ArrayLike<number>): string[] {
  return Array.from(bits).flatMap((word, i) => {
    const [low, high] = gumbelRange(word);
    const got = gumbels[i]!;
    return got >= low && got <= high ? [] : [`bits ${word}: ${got}, not in ${low} to ${high}`];
  });
}

/** The noise whose bits are the token itself. */
const FROM_TOKEN = plantFault(
  noises,
  "let bits = random_bits(seed, purpose, place, token)",
  "let bits = token",
);

test("bits, uniform numbers and Gumbels are the reference's", () =>
  withGpu(async (gpu) => {
    const keys = randomKeys(2 ** 16);
    const actual = await run(gpu, keys);
    expect(actual.bits).toEqual(Uint32Array.from(keys, (key) => reference.randomBits(...key)));
    expect(actual.uniforms).toEqual(
      Float32Array.from(keys, (key) => reference.uniformNumber(...key)),
    );
    expect(outside(actual.bits, actual.gumbels)).toEqual([]);
    // Where u is 1/32, the error of log(1 - u) is 2^-21 of 1/32.
    const errors = keys.map((key, i) => Math.abs(reference.gumbel(...key) - actual.gumbels[i]!));
    expect(Math.max(...errors)).toBeLessThan(2 ** -15);
  }));

test("the smallest and the largest noise are finite and as large as they should be", () =>
  withGpu(async (gpu) => {
    const keys = TELLING_BITS.map((bits): Key => [0, 0, 0, bits]);
    keys.length -= keys.length % 64;
    const { gumbels } = await run(gpu, keys, FROM_TOKEN);
    expect(outside(TELLING_BITS.slice(0, keys.length), gumbels)).toEqual([]);
    expect(gumbels[0]).toBeCloseTo(Math.log(2 ** 33), 4);
    expect(Math.min(...gumbels)).toBeGreaterThan(-3.2);
  }));

const FORMULA_FAULTS: [string, string, string][] = [
  ["no series for a small u", "if (u < 0.03125)", "if (u < 0.0)"],
  ["the series where it is too short", "if (u < 0.03125)", "if (u < 0.25)"],
  ["two terms of the series left out", "fma(u, fma(u, 0.2, 0.25), 0.33333334)", "0.33333334"],
  ["u where 1 - u was meant", "f32(~bits)", "f32(bits)"],
  ["1 - u in f32", "-log((f32(~bits) + 0.5) * 0x1p-32)", "-log(1.0 - u)"],
  ["24 bits", "(f32(bits) + 0.5) * 0x1p-32", "(f32(bits >> 8u) + 0.5) * 0x1p-24"],
];

faultTest("planted faults in the formula are seen", () =>
  withGpu(async (gpu) => {
    const keys = TELLING_BITS.map((bits): Key => [0, 0, 0, bits]);
    keys.length -= keys.length % 64;
    for (const [name, right, wrong] of FORMULA_FAULTS) {
      const { gumbels } = await run(gpu, keys, plantFault(FROM_TOKEN, right, wrong));
      expect(outside(TELLING_BITS.slice(0, keys.length), gumbels), name).not.toEqual([]);
    }
  }),
);

const EULER = 0.5772156649015329;
const VARIANCE = Math.PI ** 2 / 6;

test("a million Gumbels are Gumbels", () =>
  withGpu(async (gpu) => {
    const count = 2 ** 20;
    const keys = Array.from({ length: count }, (_, i): Key => [
      7,
      1,
      512 * 90 + (i >> 13),
      i % 8192,
    ]);
    const { gumbels } = await run(gpu, keys);
    const mean = gumbels.reduce((sum, g) => sum + g, 0) / count;
    const variance = gumbels.reduce((sum, g) => sum + (g - EULER) ** 2, 0) / count;
    expect(Math.abs(mean - EULER)).toBeLessThan(SIGMAS * Math.sqrt(VARIANCE / count));
    // The fourth moment of a Gumbel number is 5.4 times its squared variance.
    expect(Math.abs(variance - VARIANCE)).toBeLessThan(SIGMAS * VARIANCE * Math.sqrt(4.4 / count));
    expect(kolmogorov(gumbels, (x) => Math.exp(-Math.exp(-x)))).toBeLessThan(KOLMOGOROV_BOUND);
    // Of n Gumbels, n e^-x are expected beyond x, and of their negatives n exp(-e^x).
    const highest = gumbels.reduce((a, b) => Math.max(a, b));
    const lowest = gumbels.reduce((a, b) => Math.min(a, b));
    expect(highest).toBeGreaterThan(Math.log(count / 14));
    expect(highest).toBeLessThan(Math.log(count * 1e6));
    expect(lowest).toBeLessThan(-Math.log(Math.log(count / 14)));
    expect(lowest).toBeGreaterThan(-Math.log(Math.log(count * 1e6)));
  }));

/** What changes from a key to its neighbour. */
const STEPS: Record<string, Key> = {
  token: [0, 0, 0, 1],
  "a lane's next token": [0, 0, 0, 256],
  position: [0, 0, 1, 0],
  "committed token": [0, 0, 512, 0],
  seed: [1, 0, 0, 0],
  purpose: [0, 1, 0, 0],
  "token and position": [0, 0, 1, -1],
};

async function worstDependences(gpu: Gpu, spec = noises) {
  const count = 2 ** 15;
  // Places and tokens as generations have them: near each other, and small.
  const keys = Array.from({ length: count }, (_, i): Key => [
    i >> 14,
    0,
    100 + ((i >> 8) % 64),
    1 + (i % 256),
  ]);
  const start = await run(gpu, keys, spec);
  const found: Record<string, { gumbels: number; bits: number }> = {};
  for (const [name, step] of Object.entries(STEPS)) {
    const moved = keys.map(([a, b, c, d]): Key => [
      a + step[0],
      b + step[1],
      c + step[2],
      d + step[3],
    ]);
    const next = await run(gpu, moved, spec);
    found[name] = {
      gumbels: Math.abs(correlation(start.gumbels, next.gumbels)),
      bits: worstBitPair(start.bits, next.bits),
    };
  }
  return found;
}

/** Of 7168 pairs of bits the most dependent one, with a chance of 1e-5. */
const BIT_BOUND = 6;

test("neither numbers nor bits of neighbours depend on each other", () =>
  withGpu(async (gpu) => {
    for (const [name, worst] of Object.entries(await worstDependences(gpu))) {
      expect(worst.gumbels, name).toBeLessThan(SIGMAS);
      expect(worst.bits, name).toBeLessThan(BIT_BOUND);
    }
  }));

const HASH_FAULTS: [string, string, string][] = [
  ["another of the four words", "return v.w;", "return v.x;"],
  ["high bits do not reach low ones", "v ^= v >> vec4(16u);", ""],
  ["the seed is left out", "vec4(token, place, seed, purpose)", "vec4(token, place, 0u, purpose)"],
  [
    "tokens share their noise",
    "vec4(token, place, seed, purpose)",
    "vec4(0u, place, seed, purpose)",
  ],
];

faultTest("planted faults in the hash are seen", () =>
  withGpu(async (gpu) => {
    for (const [name, right, wrong] of HASH_FAULTS) {
      const found = await worstDependences(gpu, plantFault(noises, right, wrong));
      expect(Math.max(...Object.values(found).map(({ bits }) => bits)), name).toBeGreaterThan(
        BIT_BOUND,
      );
    }
  }),
);
