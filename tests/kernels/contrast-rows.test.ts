import { expect, test } from "vitest";
import { type Gpu, Recording } from "../../src/gpu/index.ts";
import {
  contrastRows,
  contrastRowsGrid,
  encodeControl,
  laneCount,
  rowTile,
} from "../../src/kernels/index.ts";
import { contrastRows as reference } from "../reference/contrast-rows.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import { normals } from "../support/random.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";
import { dotRoundings, gamma, SMALLEST } from "../support/tolerance.ts";

interface Case {
  readonly base: number;
  readonly candidates: number;
  readonly k: number;
  /** Default: one more than are needed. */
  readonly slots?: number;
  readonly units: Float32Array<ArrayBuffer>;
}

/** What no workgroup wrote. */
const UNTOUCHED = 7;

async function run(gpu: Gpu, one: Case, spec = contrastRows) {
  const { base, candidates, k, units } = one;
  const slots = units.length / k;
  const lanes = laneCount(k);
  const pipeline = gpu.kernels.compile(spec, {
    statics: { ROWS: rowTile(candidates), WORKGROUP_SIZE: lanes },
  });
  const groups = Math.ceil(slots / 4);
  const similarities = gpu.buffers.upload(
    "similarities",
    new Float32Array(groups * candidates + 1).fill(UNTOUCHED),
  );
  const buffers = {
    control: gpu.buffers.upload("control", encodeControl({ base })),
    units: gpu.buffers.upload("units", units),
    similarities,
  };
  const recording = new Recording();
  const bound = pipeline.bind(gpu.buffers, buffers, { candidates, k4: k / 4 });
  recording.dispatch(bound, contrastRowsGrid(slots, candidates));
  const [data] = await gpu.submitAndRead([recording], [similarities]);
  return new Float32Array(data!, 0, groups * candidates + 1);
}

/** Each part of the text on its own: what is wrong with it. */
function faults(actual: Float32Array, { base, candidates, k, units }: Case): string[] {
  const found: string[] = [];
  const rows = units.subarray((base + 1) * k, (base + 1 + candidates) * k);
  for (let g = 0; 4 * g <= base; g++) {
    const text = units.subarray(4 * g * k, Math.min(4 * g + 4, base + 1) * k);
    reference(text, rows, k).forEach(({ value, magnitude }, i) => {
      const allowed = 1.001 * gamma(dotRoundings(k, laneCount(k))) * magnitude + k * SMALLEST;
      const error = Math.abs(actual[g * candidates + i]! - value);
      if (!(error <= allowed)) found.push(`part ${g}, candidate ${i}: off by ${error}`);
    });
  }
  const past = actual.subarray((Math.floor(base / 4) + 1) * candidates);
  if (past.some((value) => value !== UNTOUCHED)) found.push("written past the text");
  return found;
}

/** Units of random directions; some are repeated, some opposite, some zero; past the candidates there is NaN. */
function makeCase(base: number, candidates: number, k: number): Case {
  const normal = normals(1000 * base + 10 * candidates + k);
  const used = base + 1 + candidates;
  const units = new Float32Array((used + 3) * k).fill(NaN);
  for (let slot = 0; slot < used; slot++) {
    const row = Array.from({ length: k }, () => normal());
    const length = Math.hypot(...row);
    const scale = slot % 11 === 7 ? 0 : 1 / length;
    units.set(
      row.map((value) => value * scale),
      slot * k,
    );
  }
  // Candidate 0 is like one in the middle of the text, candidate 1 opposite to the first.
  const middle = Math.floor(base / 2);
  units.copyWithin((base + 1) * k, middle * k, (middle + 1) * k);
  if (candidates > 1) {
    units.set(
      units.subarray(0, k).map((value) => -value),
      (base + 2) * k,
    );
  }
  return { base, candidates, k, units };
}

const CASES = [
  makeCase(0, 1, 4),
  makeCase(1, 2, 4),
  makeCase(3, 4, 32),
  makeCase(4, 3, 64),
  makeCase(6, 16, 100),
  makeCase(62, 5, 256),
  makeCase(129, 4, 576),
];

test(
  "texts of every length, 1 to 16 candidates: the largest cosine of each part, and nothing past the text",
  () =>
    withGpu(async (gpu) => {
      for (const one of CASES) {
        const { base, candidates, k } = one;
        const what = `base ${base}, ${candidates} candidates, k ${k}`;
        expect(faults(await run(gpu, one), one), what).toEqual([]);
      }
    }),
  MANY_VARIANTS,
);

test("a repeated state has cosine 1, and candidates alike have the same bits", () =>
  withGpu(async (gpu) => {
    const one = makeCase(9, 6, 100);
    const { k, base, units } = one;
    const at = (candidate: number) => (base + 1 + candidate) * k;
    for (const i of [3, 5]) units.copyWithin(at(i), at(2), at(2) + k);
    const actual = await run(gpu, one);
    expect(faults(actual, one)).toEqual([]);
    // Candidate 0 is the text's unit 4, the first of its second part.
    expect(actual[6]).toBeCloseTo(1, 6);
    for (let g = 0; g < 3; g++) {
      for (const i of [3, 5]) expect(actual[6 * g + i]).toBe(actual[6 * g + 2]);
    }
  }));

faultTest("planted faults are seen", () =>
  withGpu(async (gpu) => {
    const planted: [string, string, string][] = [
      ["the text's last part is left out", "first > base", "first + COLUMNS > base"],
      [
        "candidates are part of the text",
        "vec4(base)) * params.k4",
        "vec4(base + 1u)) * params.k4",
      ],
      ["the root counts as a candidate", "base + 1u + min", "base + min"],
      ["the largest of three", "max(cosines.z, cosines.w)", "cosines.z"],
      ["the last row tile stays out", "first_row + r <= last_row", "first_row + r < ROWS"],
      ["workgroups go on past the text", "if (first > base) { return; }", ""],
    ];
    const cases = [makeCase(6, 16, 100), makeCase(64, 5, 100)];
    for (const [name, right, wrong] of planted) {
      const spec = plantFault(contrastRows, right, wrong);
      const found: string[] = [];
      for (const one of cases) found.push(...faults(await run(gpu, one, spec), one));
      expect(found, name).not.toEqual([]);
    }
  }),
);
