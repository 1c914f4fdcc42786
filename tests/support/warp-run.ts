// Runs warp-rows, and holds what it gave against the reference.
import { Recording, type Gpu } from "../../src/gpu/index.ts";
import {
  encodeControl,
  NOISE,
  warpParams,
  warpRows,
  warpRowsGrid,
} from "../../src/kernels/index.ts";
import { DRAFT_NOISE, drawPlace, randomBits, TOKEN_NOISE } from "../reference/noise.ts";
import {
  type Kept,
  keptOf,
  logProbs,
  orderOf,
  sortedDown,
  type Stages,
  temperatureAfter,
} from "../reference/warp-rows.ts";
import { shiftsOf } from "./stage-errors.ts";
import { gumbelRange, logError, shareErrors, SMALLEST, UNIT } from "./tolerance.ts";

export interface WarpCase {
  readonly rows: readonly Float32Array<ArrayBuffer>[];
  readonly stages: Stages;
  readonly noise?: keyof typeof NOISE;
  readonly lanes?: number;
  /** Rows of the pass before the first one; default 0. */
  readonly first?: number;
  /** Where log-probabilities go; undefined: they are not kept. Default 0. */
  readonly keepAt?: number | undefined;
  /** The row of the pass that the first one is; default: `first`. */
  readonly standsAt?: number;
}

export const SEED = 77;
export const BASE = 1000;
/** The r-th row of a pass stands at a place of its own. */
const nodeOf = (r: number) => (3 * r) % 61;
const positionOf = (r: number) => BASE + ((r * 5) % 23);

export async function warp(gpu: Gpu, cases: readonly WarpCase[], spec = warpRows) {
  const { buffers: scope } = gpu;
  const control = scope.upload("control", encodeControl({ base: BASE, seed: SEED }));
  const recording = new Recording();
  const slices = [];
  for (const one of cases) {
    const { rows, stages, first = 0, lanes = 64 } = one;
    const vocab = rows[0]!.length;
    const keepAt = "keepAt" in one ? one.keepAt : 0;
    const table = Array.from({ length: first + rows.length }, (_, i) => {
      const r = i - first + (one.standsAt ?? first);
      return [nodeOf(r), BASE, positionOf(r), BASE + nodeOf(r)];
    });
    const data = Float32Array.from({ length: rows.length * vocab }, () => 0);
    rows.forEach((row, r) => data.set(row, r * vocab));
    const logits = scope.upload("logits", data);
    const kept = scope.storage("log_probs", ((keepAt ?? 0) + rows.length) * vocab * 4);
    const pipeline = gpu.kernels.compile(spec, { constants: { WORKGROUP_SIZE: lanes } });
    const buffers = {
      control,
      rows: scope.upload("rows", Uint32Array.from(table.flat())),
      logits,
      log_probs: kept,
    };
    const params = {
      vocab,
      first,
      ...warpParams({ typicalP: 1, topNSigma: 0, ...stages, order: orderOf(stages) }),
      noise: NOISE[one.noise ?? "none"],
      keep: keepAt === undefined ? 0 : 1,
      log_row: keepAt ?? 0,
    };
    recording.dispatch(pipeline.bind(scope, buffers, params), warpRowsGrid(rows.length));
    slices.push(logits, kept);
  }
  const data = await gpu.submitAndRead([recording], slices);
  return cases.map(({ rows }, i) => ({
    perturbed: new Float32Array(data[2 * i]!, 0, rows.length * rows[0]!.length),
    kept: new Float32Array(data[2 * i + 1]!),
  }));
}

type Warped = Awaited<ReturnType<typeof warp>>[number];

/** How many rows had a token so near a threshold that rounding decides, and how many there were. */
export interface Tally {
  rows: number;
  close: number;
}

const LARGEST = 3.4028234e38;

/** What is wrong with the result of a case; the case keeps its log-probabilities. */
export function warpFaults(actual: Warped, one: WarpCase, tally: Tally): string[] {
  const { rows, stages, lanes = 64, noise = "none", first = 0, keepAt = 0 } = one;
  const vocab = rows[0]!.length;
  const temperature = temperatureAfter(stages);
  return rows.flatMap((row, r) => {
    const start = (keepAt + r) * vocab;
    const logs = actual.kept.subarray(start, start + vocab);
    const perturbed = actual.perturbed.subarray(r * vocab, (r + 1) * vocab);
    const kept = keptFault(row, logs, stages, lanes, tally);
    if (typeof kept === "string") return [`row ${r}: ${kept}`];
    const wanted = logProbs(row, kept, temperature);
    const { sum, relative } = shareErrors(distancesFrom(row, kept, temperature), vocab, lanes);
    const ofSum = relative + logError(sum);
    const [purpose, place] =
      noise === "own"
        ? [DRAFT_NOISE, drawPlace(BASE, nodeOf(first + r))]
        : [TOKEN_NOISE, positionOf(first + r) + 1];
    return wanted.flatMap((log, c) => {
      const got = logs[c]!;
      const where = `row ${r}, column ${c}:`;
      // Numbers beyond f32 may be -infinity.
      if (log < -LARGEST * 0.999) {
        return got < -LARGEST * 0.99 ? [] : [`${where} ${got}, not ${log}`];
      }
      const allowed = ofSum + 4.5 * UNIT * (Math.abs(log) + Math.log(sum)) + SMALLEST;
      if (!(Math.abs(got - log) <= allowed) || got > 0) {
        return [`${where} ${got}, not ${log}, allowed ${allowed}`];
      }
      const seed = noise === "seeded" ? SEED + r : SEED;
      const range = gumbelRange(randomBits(seed, purpose, place, c));
      const [low, high] = noise === "none" ? [0, 0] : range;
      const scaled = perturbed[c]!;
      const slack = 2.1 * UNIT * Math.max(Math.abs(got + low), Math.abs(got + high)) + SMALLEST;
      if (scaled >= got + low - slack && scaled <= got + high + slack) return [];
      return [`${where} perturbed ${scaled}, not ${got + low} to ${got + high}`];
    });
  });
}

const isIn = (x: number, { lowest, highest }: Kept): boolean => x >= lowest && x <= highest;

const distancesFrom = (row: Float32Array, kept: Kept, temperature: number) =>
  [...row].filter((x) => isIn(x, kept)).map((x) => (kept.highest - x) / temperature);

/**
 * What is kept, or what is wrong with it: every threshold is moved by its error either way, and the kernel keeps
 * at least what all of them keep, at most what any of them does.
 */
function keptFault(
  row: Float32Array,
  logs: Float32Array,
  stages: Stages,
  lanes: number,
  tally: Tally,
): Kept | string {
  if (logs.some((log) => Number.isNaN(log))) return "NaN";
  const sorted = sortedDown(row);
  const all = shiftsOf(sorted, row.length, stages, lanes).map((shift) =>
    keptOf(sorted, stages, shift),
  );
  const least: Kept = { lowest: -Infinity, highest: Infinity };
  const most: Kept = { lowest: Infinity, highest: -Infinity };
  for (const { lowest, highest } of all) {
    least.lowest = Math.max(least.lowest, lowest);
    least.highest = Math.min(least.highest, highest);
    most.lowest = Math.min(most.lowest, lowest);
    most.highest = Math.max(most.highest, highest);
  }
  tally.rows += 1;
  tally.close += Number(least.lowest > most.lowest || least.highest < most.highest);
  const seen = [...row].filter((_, c) => logs[c]! > -Infinity);
  const kept = {
    lowest: seen.reduce((a, b) => Math.min(a, b), Infinity),
    highest: seen.reduce((a, b) => Math.max(a, b), -Infinity),
  };
  // A log-probability beyond f32 is -infinity, so what is kept shows only above that.
  const temperature = temperatureAfter(stages);
  const visible = (x: number): boolean => (kept.highest - x) / temperature < LARGEST * 0.999;
  if (sorted.some((x) => isIn(x, least) && visible(x) && !isIn(x, kept)) || seen.length === 0) {
    if (sorted.length > 0) return `keeps ${say(kept)}, less than ${say(least)}`;
  }
  if (!seen.every((x) => isIn(x, most))) return `keeps ${say(kept)}, more than ${say(most)}`;
  const inside = [...row].filter((x) => isIn(x, kept)).length;
  if (inside !== seen.length) return `keeps ${seen.length} of ${inside} in ${say(kept)}`;
  return kept;
}

const say = ({ lowest, highest }: Kept): string => `${highest} down to ${lowest}`;
