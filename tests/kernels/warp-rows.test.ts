import { expect, test } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { warpRows, warpRowsLanes } from "../../src/kernels/index.ts";
import type { Stages } from "../reference/warp-rows.ts";
import { differingBits } from "../support/close.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals } from "../support/random.ts";
import { faultTest, MANY_VARIANTS, showsIn } from "../support/slow-adapters.ts";
import { awkwardLogits, awkwardStages } from "../support/stage-cases.ts";
import { type Tally, warp, type WarpCase, warpFaults } from "../support/warp-run.ts";

async function faults(gpu: Gpu, cases: readonly WarpCase[], tally: Tally, spec = warpRows) {
  const results = await warp(gpu, cases, spec);
  return results.flatMap((result, i) => {
    const found = warpFaults(result, cases[i]!, tally);
    return found.slice(0, 3).map((fault) => `${JSON.stringify(cases[i]!.stages)} ${fault}`);
  });
}

const noTally = (): Tally => ({ rows: 0, close: 0 });
const PLAIN: Stages = { temperature: 1, topK: 0, topP: 1, minP: 0 };
const NOISES = ["none", "shared", "own"] as const;

/** Alternating kinds of noise. */
function casesOf(vocab: number, count: number, lanes: number): WarpCase[] {
  const rows = awkwardLogits(vocab);
  return awkwardStages(vocab, count).map((stages, i) => ({
    rows,
    stages,
    lanes,
    noise: i % 7 === 6 ? "seeded" : NOISES[i % 3]!,
    first: i % 4,
    keepAt: i % 3,
  }));
}

test("rows and stages of every kind", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    for (const [vocab, lanes, count] of [
      [2, 64, 16],
      [3, 5, 16],
      [5, 256, 16],
      [257, 64, 40],
      [257, 5, 8],
      [4096, warpRowsLanes(4096), 8],
      [32003, warpRowsLanes(32003), 4],
    ] as const) {
      const tally = noTally();
      const what = `vocab ${vocab}, ${lanes} lanes`;
      expect(await faults(gpu, casesOf(vocab, count, lanes), tally), what).toEqual([]);
      // Elsewhere the tokens kept are the reference's, exactly. Shares close to 1 are always close to a threshold.
      expect(tally.close / tally.rows, what).toBeLessThan(0.15);
    }
  }),
);

/** Logits as models have them. */
function modelRows(vocab: number, rows: number): Float32Array<ArrayBuffer>[] {
  const normal = normals(vocab);
  return Array.from({ length: rows }, () =>
    Float32Array.from({ length: vocab }, () => 2 + 3 * normal()),
  );
}

test("on rows as models have them, rounding decides next to nothing", () =>
  withGpu(async (gpu) => {
    const tally = noTally();
    const rows = modelRows(2000, 64);
    const cases = [0.3, 0.8, 0.95].flatMap((topP) =>
      [0.7, 1, 1.5].map((temperature): WarpCase => {
        const stages = {
          temperature,
          topK: topP > 0.9 ? 0 : 50,
          topP,
          minP: topP > 0.5 ? 0 : 0.02,
        };
        const [T, P, M] = [temperature, topP, stages.minP].map(Math.fround);
        return {
          rows,
          stages: { ...stages, temperature: T!, topP: P!, minP: M! },
          noise: "shared",
        };
      }),
    );
    expect(await faults(gpu, cases, tally)).toEqual([]);
    expect(tally.close / tally.rows).toBeLessThan(0.05);
  }));

test("typical and top-n-sigma, in llama.cpp's order, on a large vocabulary", () =>
  withGpu(async (gpu) => {
    const rows = modelRows(32003, 2);
    const order = ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"] as const;
    const cases = [
      { ...PLAIN, typicalP: 0.5 },
      { ...PLAIN, topNSigma: 2 },
      { temperature: 0.5, topK: 2000, topP: 0.75, minP: 0.0625, typicalP: 0.875, topNSigma: 3 },
    ].map((stages): WarpCase => ({ rows, stages: { ...stages, order }, lanes: 256 }));
    expect(await faults(gpu, cases, noTally())).toEqual([]);
  }));

test("a row has the same bits alone and among others", () =>
  withGpu(async (gpu) => {
    const rows = awkwardLogits(257);
    const all = { topK: 90, topP: Math.fround(0.9), minP: 0.01, typicalP: 0.75, topNSigma: 2 };
    const order = ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"] as const;
    const stages = { temperature: Math.fround(0.7), ...all, order };
    for (const noise of NOISES) {
      const one = { rows, stages, noise };
      const alone = rows.map((row, r) => ({ ...one, rows: [row], standsAt: r }));
      const [together, ...single] = await warp(gpu, [one, ...alone]);
      single.forEach(({ perturbed, kept }, r) => {
        const [from, to] = [r * 257, (r + 1) * 257];
        expect(differingBits(perturbed, together!.perturbed.subarray(from, to)), noise).toBe(0);
        const bits = differingBits(kept.subarray(0, 257), together!.kept.subarray(from, to));
        expect(bits, noise).toBe(0);
      });
    }
  }));

test("log-probabilities are kept where they are asked for, and nowhere else", () =>
  withGpu(async (gpu) => {
    const one: WarpCase = { rows: modelRows(300, 4), stages: PLAIN, noise: "own", first: 2 };
    const [kept, later, none] = await warp(gpu, [
      one,
      { ...one, keepAt: 3 },
      { ...one, keepAt: undefined },
    ]);
    expect(later!.kept.subarray(0, 900).every((x) => x === 0)).toBe(true);
    expect(later!.kept.subarray(900, 2100)).toEqual(kept!.kept.subarray(0, 1200));
    expect(none!.kept.every((x) => x === 0)).toBe(true);
    expect(differingBits(none!.perturbed, kept!.perturbed)).toBe(0);
    expect(differingBits(later!.perturbed, kept!.perturbed)).toBe(0);
  }));

const RAISED = "lowest = max(lowest, min(order_key(to), highest));";
const BARE_RAISED = "lowest = min(max(lowest, order_key(to)), highest);";

const FAULTS: [string, string, string][] = [
  ["one token too many", "f32(min(params.top_k, params.vocab))", "f32(params.top_k) + 1.0"],
  ["what is enough is not", "added >= vec4(enough)", "added > vec4(enough)"],
  ["top-p of all tokens", "params.top_p * sum", "params.top_p"],
  ["too few passes", "PASSES = 14u", "PASSES = 12u"],
  ["three of four cuts", "+ reached.w", ""],
  ["the cuts leave out the rest", "+ min(i, vec4(width % 5u))", ""],
  ["-infinity is kept", "NEGATIVE_INFINITY_KEY + 1u;", "0u;"],
  ["a row without a finite logit", RAISED, BARE_RAISED],
  ["min-p without the temperature", "+ temperature * log", "+ log"],
  ["min-p instead of the stages before", "lowest = max(lowest, min(", "lowest = max(1u, min("],
  ["shares without the temperature", "exp((x - top) / divisor)", "exp(x - top)"],
  ["lanes beyond 16 left out", "i < WORKGROUP_SIZE; i += FAN_IN", "i < FAN_IN; i += FAN_IN"],
  ["not normalised", "- log_sum, 0.0)", ", 0.0)"],
  ["the noise of the token before", "row.position + 1u", "row.position"],
  ["the noise of another row", "rows[params.first + group.x]", "rows[group.x]"],
  ["own noise where it is shared", "params.noise == OWN_NOISE", "params.noise != NO_NOISE"],
  ["noise by slot", "draw_place(control.base, row.node)", "draw_place(control.base, row.slot)"],
  ["one seed for all rows", "seed += group.x;", ""],
  ["noise not keyed by token", "purpose, place, c)", "purpose, place, 0u)"],
  ["kept at the first row", "params.log_row + group.x", "group.x"],
  ["only the first stages", "rest /= 16u;", "rest /= 256u;"],
  ["typical on one side", "order_key(-abs(max(", "order_key(-(max("],
  ["what is not typical returns", "|| typical < least_typical", ""],
  ["the largest that is not typical", "stage == TYPICAL && step > PASSES", "step > 99u"],
  ["the mean at another temperature", "center_temperature = temperature;", ""],
  ["sigma from the mean", "(distance - mean) * (distance - mean)", "distance * distance"],
  ["the variance for the deviation", "sqrt(mean)", "mean"],
];

faultTest("planted faults are seen", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    const warm = { ...PLAIN, temperature: 0.5, typicalP: 0.5 };
    const cases = [...casesOf(70, 9, 64), { rows: modelRows(70, 4), stages: warm }];
    for (const [name, right, wrong] of FAULTS) {
      const spec = plantFault(warpRows, right, wrong);
      const finds = async (some: readonly WarpCase[]) =>
        (await faults(gpu, some, noTally(), spec)).length > 0;
      expect(await showsIn(cases, finds), name).toBe(true);
    }
  }),
);
