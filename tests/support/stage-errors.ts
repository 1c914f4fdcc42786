// How far rounding may move the thresholds of warp-rows' stages (docs/numerics.md).
import {
  deviation,
  orderOf,
  type Shift,
  type Stage,
  type Stages,
  temperatureAfter,
} from "../reference/warp-rows.ts";
import { expError, gamma, logError, shareErrors, SMALLEST, UNIT } from "./tolerance.ts";

/** No threshold moved by its error, each up or down, all up or all down; two of them in all combinations. */
export function shiftsOf(
  sorted: readonly number[],
  vocab: number,
  stages: Stages,
  lanes: number,
): Shift[] {
  if (sorted.length === 0) return [{}];
  const alone = Object.entries(errorsOf(sorted, vocab, stages, lanes)).map(([name, error]) => [
    { [name]: error },
    { [name]: -error },
  ]);
  const [first = [], second = []] = alone;
  const both = alone.length === 2 ? first.flatMap((a) => second.map((b) => ({ ...a, ...b }))) : [];
  const ways = [0, 1].map((way) => Object.assign({}, ...alone.map((pair) => pair[way])) as Shift);
  return [{}, ...alone.flat(), ...both, ...ways];
}

function errorsOf(sorted: readonly number[], vocab: number, stages: Stages, lanes: number): Shift {
  const { topP, minP, typicalP = 1, topNSigma = 0 } = stages;
  const order = orderOf(stages);
  const at = (stage: Stage): number => temperatureAfter(stages, order.indexOf(stage));
  const distances = (t: number): number[] => sorted.map((x) => (sorted[0]! - x) / t);
  // A share, the total and their product with the wanted share.
  const share = (t: number): number => 2 * shareErrors(distances(t), vocab, lanes).relative + UNIT;
  const top = Math.abs(sorted[0]!);
  const errors: Shift = {};
  if (topP < 1 && order.includes("topP")) errors.topP = share(at("topP"));
  if (minP > 0 && order.includes("minP")) {
    // The logarithm, its product and the sum.
    const t = at("minP");
    const below = Math.abs(t * Math.log(minP));
    errors.minP = t * logError(minP) + 2 * UNIT * (below + top) + SMALLEST;
  }
  if (typicalP < 1 && order.includes("typicalP")) {
    errors.typicalP = share(at("typicalP"));
    errors.typicalMean = meanError(distances(at("typicalP")), vocab, lanes);
  }
  if (topNSigma > 0 && order.includes("topNSigma")) {
    const below = topNSigma * deviation(sorted);
    const relative = deviationError(distances(1), vocab, lanes) + UNIT;
    errors.topNSigma = below * relative + UNIT * (top + below) + SMALLEST;
  }
  return errors;
}

const additionsOf = (vocab: number, lanes: number): number =>
  Math.ceil(vocab / lanes) + Math.ceil(lanes / 16) + 16;

/** Beyond this an exponential is 0 in f32. */
const FAR = 120;

/** Error of the weighted mean of the distances and of a distance's difference from it. */
function meanError(distances: readonly number[], vocab: number, lanes: number): number {
  let [sum, moment, weightErrors, momentErrors] = [0, 0, 0, 0];
  for (const d of distances) {
    if (d > FAR) continue;
    const weight = Math.exp(-d);
    // A difference and a division before the exponential.
    const error = expError(d) + 3.5 * UNIT * d;
    sum += weight;
    moment += weight * d;
    weightErrors += weight * error;
    momentErrors += weight * d * (error + 4.5 * UNIT);
  }
  const mean = moment / sum;
  const ofSum = gamma(additionsOf(vocab, lanes));
  const ofMean = momentErrors / sum + mean * (weightErrors / sum + 2 * ofSum + 2.5 * UNIT);
  const farthest = distances.reduce((a, b) => Math.max(a, Math.min(b, FAR)), 0);
  return 1.001 * ofMean + 9 * UNIT * (farthest + mean) + SMALLEST;
}

/** Relative error of the standard deviation of distances, which may be as large as the mean is above it. */
function deviationError(distances: readonly number[], vocab: number, lanes: number): number {
  const count = distances.length;
  const near = distances.map((d) => Math.min(d, 1e15));
  const mean = near.reduce((sum, d) => sum + d, 0) / count;
  const square = near.reduce((sum, d) => sum + d * d, 0) / count;
  const spread = Math.sqrt(Math.max(0, square - mean * mean));
  if (spread === 0) return 0;
  const ofSum = gamma(additionsOf(vocab, lanes));
  // A distance, the mean, and their difference; by Cauchy-Schwarz the variance errs by twice their root mean square.
  const each = UNIT * Math.sqrt(square) + mean * (ofSum + 3.5 * UNIT) + UNIT * spread;
  const variance = (2 * each) / spread + (each / spread) ** 2 + ofSum + 4.5 * UNIT;
  // The root: 1 / inverseSqrt.
  return 1.001 * (variance / 2 + variance ** 2 + 4.5 * UNIT);
}
