/**
 * The sampling stages on one row of logits, as shaders/warp-rows.wgsl does them: each goes by what those before it kept, and
 * a token tied with the last one kept is kept too.
 */
import type { ResolvedStages, SamplingStage } from "../../options.ts";
import type { Row } from "./rows.ts";

/** What a stage is left out at, rounded to f32 as on the GPU. */
const IS_OFF: Readonly<Record<SamplingStage, (value: number) => boolean>> = {
  temperature: (value) => value === 1,
  topK: (value) => value === 0,
  topP: (value) => value >= 1,
  minP: (value) => value === 0,
  typicalP: (value) => value >= 1,
  topNSigma: (value) => value === 0,
};

/** What is taken for farther, so that squares stay in range. */
const FARTHEST = 1e15;

/** The tokens that may be drawn, and their log-probabilities: both empty in a row without a finite logit. */
export interface Kept {
  readonly ids: readonly number[];
  readonly logProbabilities: readonly number[];
}

/** For a temperature above 0. */
export function keepByStages(row: Row, stages: ResolvedStages): Kept {
  let ids: number[] = [];
  for (let id = 0; id < row.length; id++) if (row[id]! > -Infinity) ids.push(id);
  let temperature = 1;
  for (const stage of stages.order) {
    const value = Math.fround(stages[stage]);
    if (IS_OFF[stage](value) || ids.length === 0) continue;
    if (stage === "temperature") temperature = value;
    else ids = CUTS[stage]({ row, ids, temperature, top: topOf(row, ids) }, value);
  }
  const top = topOf(row, ids);
  let sum = 0;
  for (const id of ids) sum += Math.exp((row[id]! - top) / temperature);
  const logSum = Math.log(sum);
  const logProbabilities = ids.map((id) => Math.min((row[id]! - top) / temperature - logSum, 0));
  return { ids, logProbabilities };
}

interface Left {
  readonly row: Row;
  readonly ids: readonly number[];
  readonly temperature: number;
  readonly top: number;
}

const CUTS: Readonly<
  Record<Exclude<SamplingStage, "temperature">, (left: Left, value: number) => number[]>
> = {
  topK: (left, count) => {
    if (left.ids.length <= count) return [...left.ids];
    return reaching(left, sorted(left).at(-count)!);
  },
  topP: (left, share) => {
    const { temperature, top } = left;
    const weight = (x: number): number => Math.exp((x - top) / temperature);
    const values = sorted(left);
    const enough = share * values.reduce((sum, x) => sum + weight(x), 0);
    return reaching(left, lastOf(values, weight, enough));
  },
  minP: (left, share) => raised(left, left.top + left.temperature * Math.log(share)),
  topNSigma: (left, sigmas) => {
    const { row, ids, top } = left;
    const distances = ids.map((id) => Math.min(top - row[id]!, FARTHEST));
    const mean = distances.reduce((sum, d) => sum + d, 0) / ids.length;
    const variance = distances.reduce((sum, d) => sum + (d - mean) ** 2, 0) / ids.length;
    return raised(left, top - sigmas * Math.sqrt(variance));
  },
  typicalP: (left, share) => {
    const { row, temperature, top } = left;
    const scaled = (id: number): number => Math.max((row[id]! - top) / temperature, -FARTHEST);
    let [sum, moment] = [0, 0];
    for (const id of left.ids) {
      sum += Math.exp(scaled(id));
      moment += Math.exp(scaled(id)) * scaled(id);
    }
    const center = moment / sum;
    // Nearest to the mean first; of those just as near, all or none.
    const far = (id: number): number => Math.abs(scaled(id) - center);
    const order = [...left.ids].sort((a, b) => far(a) - far(b));
    let [held, last] = [0, Infinity];
    for (const id of order) {
      held += Math.exp(scaled(id));
      last = far(id);
      if (held >= share * sum) break;
    }
    return left.ids.filter((id) => far(id) <= last);
  },
};

function topOf(row: Row, ids: readonly number[]): number {
  let top = -Infinity;
  for (const id of ids) top = Math.max(top, row[id]!);
  return top;
}

/** Rising. */
function sorted({ row, ids }: Left): Float32Array {
  return Float32Array.from(ids, (id) => row[id]!).sort();
}

function reaching({ row, ids }: Left, cut: number): number[] {
  return ids.filter((id) => row[id]! >= cut);
}

/** The most probable token stays. */
function raised(left: Left, cut: number): number[] {
  return reaching(left, Math.min(Math.fround(cut), left.top));
}

/** From the top of the rising values down, the last that is needed to hold `enough`. */
function lastOf(values: Float32Array, weight: (x: number) => number, enough: number): number {
  let held = 0;
  for (let i = values.length - 1; i >= 0; i--) {
    held += weight(values[i]!);
    if (held >= enough) return values[i]!;
  }
  return values[0]!;
}
