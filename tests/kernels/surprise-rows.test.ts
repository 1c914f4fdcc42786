import { expect, test } from "vitest";
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  ROW_SURPRISE_BYTES,
  surpriseRows,
  surpriseRowsGrid,
  surpriseRowsLanes,
} from "../../src/kernels/index.ts";
import { surpriseRow } from "../reference/surprise-rows.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals } from "../support/random.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { awkwardLogits } from "../support/stage-cases.ts";
import { gamma, logError, shareErrors, SMALLEST } from "../support/tolerance.ts";

interface Case {
  readonly rows: readonly Float32Array<ArrayBuffer>[];
  readonly temperature: number;
  readonly ratios: number;
  readonly lanes: number;
}

async function run(gpu: Gpu, cases: readonly Case[], spec = surpriseRows) {
  const recording = new Recording();
  const slices = [];
  for (const { rows, temperature, ratios, lanes } of cases) {
    const vocab = rows[0]!.length;
    const data = new Float32Array(rows.length * vocab);
    rows.forEach((row, r) => data.set(row, r * vocab));
    const logits = gpu.buffers.upload("logits", data);
    const row_surprise = gpu.buffers.storage("row_surprise", rows.length * ROW_SURPRISE_BYTES);
    const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: lanes } });
    const bound = pipeline.bind(
      gpu.buffers,
      { logits, row_surprise },
      { vocab, temperature, ratios },
    );
    recording.dispatch(bound, surpriseRowsGrid(rows.length));
    slices.push(row_surprise);
  }
  const data = await gpu.submitAndRead([recording], slices);
  return data.map((bytes) => ({ floats: new Float32Array(bytes), words: new Uint32Array(bytes) }));
}

/** Relative error of the exponent: 4.5 units per logarithm, 1 per gap, 32 additions each, two divisions. */
const ZIPF_ERROR = gamma(90);
/** Beyond it an exponent says only that the first token has everything. */
const LARGEST_ZIPF = 1e6;

async function faults(gpu: Gpu, cases: readonly Case[], spec = surpriseRows): Promise<string[]> {
  const results = await run(gpu, cases, spec);
  return cases.flatMap(({ rows, temperature, ratios, lanes }, i) =>
    rows.flatMap((row, r) => {
      const { floats, words } = results[i]!;
      const [top, logSum, zipf] = floats.subarray(4 * r, 4 * r + 3);
      const wanted = surpriseRow(row, temperature, ratios);
      const found: string[] = [];
      const check = (what: string, got: number, value: number, allowed: number) => {
        if (!(Math.abs(got - value) <= allowed)) {
          found.push(`row ${r}: ${what} ${got}, not ${value}, allowed ${allowed}`);
        }
      };
      check("top", top!, wanted.sorted[0] ?? 0, 0);
      check("finite", words[4 * r + 3]!, wanted.sorted.length, 0);
      const distances = wanted.sorted.map((z) => (wanted.sorted[0]! - z) / temperature);
      const { sum, relative } = shareErrors(distances, row.length, lanes);
      if (sum > 0) check("log_sum", logSum!, wanted.logSum, relative + logError(sum) + SMALLEST);
      else check("log_sum", logSum!, 0, 0);
      const exponent = Math.min(wanted.zipf, LARGEST_ZIPF);
      check("zipf", zipf!, exponent, ZIPF_ERROR * exponent + (200 * SMALLEST) / temperature);
      return found;
    }),
  );
}

/** Logits of every nature, and whole vocabularies that fall by a power of the rank. */
function casesOf(vocab: number, lanes: number): Case[] {
  const normal = normals(vocab);
  const falling = [0.2, 1, 1.1, 3].map((zipf) =>
    Float32Array.from({ length: vocab }, (_, c) => {
      return -zipf * Math.log(1 + ((c * 13) % vocab)) + 0.05 * normal();
    }),
  );
  const rows = [...awkwardLogits(vocab), ...falling];
  return [
    { rows, temperature: 1, ratios: 100, lanes },
    { rows, temperature: Math.fround(0.7), ratios: 99, lanes },
    { rows, temperature: 1, ratios: 0, lanes },
    { rows, temperature: 2, ratios: 127, lanes },
    { rows, temperature: 1, ratios: 1, lanes },
  ];
}

test("rows of every kind", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    for (const [vocab, lanes] of [
      [2, 64],
      [3, 5],
      [100, 5],
      [102, 256],
      [257, 64],
      [8209, surpriseRowsLanes(8209)],
    ] as const) {
      const cases = casesOf(vocab, lanes).slice(0, vocab > 4096 ? 2 : undefined);
      expect(await faults(gpu, cases), `vocab ${vocab}, ${lanes} lanes`).toEqual([]);
    }
  }),
);

test("a row has the same bits alone and among others", () =>
  withGpu(async (gpu) => {
    const [all] = casesOf(257, 64);
    const alone = all!.rows.map((row) => ({ ...all!, rows: [row] }));
    const [together, ...single] = await run(gpu, [all!, ...alone]);
    single.forEach(({ words }, r) => {
      expect(words, `row ${r}`).toEqual(together!.words.subarray(4 * r, 4 * r + 4));
    });
  }));

const FAULTS: [string, string, string][] = [
  ["lanes beyond 16 left out", "i < WORKGROUP_SIZE; i += FAN_IN", "i < FAN_IN; i += FAN_IN"],
  ["shares without the temperature", "exp((x - top) / params.temperature)", "exp(x - top)"],
  ["-infinity counts", "else if (key > NEGATIVE_INFINITY_KEY)", "else if (key > 0u)"],
  ["one logit too few", "let wanted = params.ratios + 1u", "let wanted = params.ratios"],
  ["too few passes", "PASSES = 14u", "PASSES = 12u"],
  [
    "the cut itself is listed",
    "params.ratios > 0u && key > low",
    "params.ratios > 0u && key >= low",
  ],
  ["ties lose a place", "list[other] == list[i] && other < i", "false"],
  ["ranks from 0", "log_step(vec4<f32>(place + 1u))", "log_step(vec4<f32>(place))"],
  ["the series cut short", "sum = fma(sum, s, vec4(1.0 / 7.0));", "sum = vec4(1.0 / 7.0);"],
  ["squares left out", "under = fma(step, step, under)", "under += step"],
  ["gaps without the temperature", "sums.x / sums.y / params.temperature", "sums.x / sums.y"],
  ["gaps of three in four", "over.z + over.w", "over.z"],
  ["the fourth gap is of the first", "sorted[min(i + 4u, LIST_CAPACITY - 1u)]", "sorted[i + 3u]"],
];

faultTest("planted faults are seen", { timeout: MANY_VARIANTS }, () =>
  withGpu(async (gpu) => {
    const cases = casesOf(257, 64);
    for (const [name, right, wrong] of FAULTS) {
      expect(await faults(gpu, cases, plantFault(surpriseRows, right, wrong)), name).not.toEqual(
        [],
      );
    }
  }),
);
