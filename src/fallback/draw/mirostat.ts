/** Mirostat's draw, as shaders/surprise-rows.wgsl and verify-mirostat.wgsl make it (arXiv 2007.14966). */
import type { ResolvedMirostat } from "../../options.ts";
import { gumbel } from "./noise.ts";
import { argmax, largest, type Row } from "./rows.ts";

/** Ratios of neighbours in rank from which version 1 estimates Zipf's exponent, and what it adds to k before truncation. */
const ESTIMATE = {
  model: { ratios: 100, rounding: 0.5 },
  truncated: { ratios: 99, rounding: 0 },
} as const;

export interface MirostatDraw {
  readonly id: number;
  /** After the token, bits. */
  readonly mu: number;
  /** Of the token under the whole distribution, bits. */
  readonly surprise: number;
  /** Tokens among which it was drawn. */
  readonly kept: number;
}

/** Draws the token at `position` from a row of logits; `mu` is the state before it, in bits. */
export function drawMirostat(
  row: Row,
  mu: number,
  settings: ResolvedMirostat,
  { temperature, seed, position }: { temperature: number; seed: number; position: number },
): MirostatDraw {
  const top = row[argmax(row)]!;
  const scaled = (id: number): number => (row[id]! - top) / temperature;
  let [sum, finite] = [0, 0];
  for (let id = 0; id < row.length; id++) {
    if (!(row[id]! > -Infinity)) continue;
    finite += 1;
    sum += Math.exp(scaled(id));
  }
  const logSum = Math.log(Math.max(sum, 1));
  const cut = cutOf(row, { mu, settings, temperature, logSum, finite, top });
  let [best, id, kept, held] = [-Infinity, -1, 0, 0];
  for (let c = 0; c < row.length; c++) {
    if (!(row[c]! > -Infinity) || row[c]! < cut) continue;
    kept += 1;
    held += Math.exp(scaled(c));
    const drawn = Math.min(scaled(c) - logSum, 0) + gumbel(seed, position, c);
    if (drawn > best) [best, id] = [drawn, c];
  }
  const at = id < 0 ? -logSum : scaled(id);
  const surprise = Math.max(logSum - at, 0) / Math.LN2;
  const truncated = Math.max(Math.log(Math.max(held, 1)) - at, 0) / Math.LN2;
  const fed = settings.surprise === "truncated" ? truncated : surprise;
  const [least, greatest] = settings.muBounds;
  const next = Math.min(Math.max(mu - settings.eta * (fed - settings.tau), least), greatest);
  return { id: Math.max(id, 0), mu: Math.fround(next), surprise, kept };
}

interface Measured {
  readonly mu: number;
  readonly settings: ResolvedMirostat;
  readonly temperature: number;
  readonly logSum: number;
  readonly finite: number;
  readonly top: number;
}

/** The least logit that is kept. */
function cutOf(row: Row, { mu, settings, temperature, logSum, finite, top }: Measured): number {
  if (finite === 0) return Infinity;
  if (settings.version === 2) {
    return Math.min(Math.fround(top + temperature * (logSum - mu * Math.LN2)), top);
  }
  const { ratios, rounding } = ESTIMATE[settings.surprise];
  const most = largest(row, ratios + 1);
  const zipf = zipfExponent(most.map((id) => row[id]! / temperature));
  const count = keptCount(zipf, mu, row.length, rounding);
  if (count >= finite) return -Infinity;
  if (count <= most.length) return row[most[count - 1]!]!;
  return Float32Array.from(row.filter((x) => x > -Infinity))
    .sort()
    .at(-count)!;
}

/** Least squares of p ~ rank^-s over falling logits. */
function zipfExponent(falling: readonly number[]): number {
  let [over, under] = [0, 0];
  for (let i = 0; i + 1 < falling.length; i++) {
    const step = Math.log1p(1 / (i + 1));
    over += step * Math.min(falling[i]! - falling[i + 1]!, 1e30);
    under += step * step;
  }
  return under === 0 ? 0 : Math.min(over / under, 1e6);
}

/** k = (e 2^mu / (1 - vocab^-e))^(1 / s) with e = s - 1, from 1 to the vocabulary. */
function keptCount(exponent: number, mu: number, vocab: number, rounding: number): number {
  const size = Math.log(vocab);
  const zipf = Math.max(exponent, 1e-6);
  const logK = (mu * Math.LN2 - Math.log(size) + logRatio((zipf - 1) * size)) / zipf;
  if (logK >= size) return vocab;
  if (logK <= 0) return 1;
  return Math.min(Math.max(Math.floor(Math.exp(logK) + rounding), 1), vocab);
}

/** log(y / (1 - exp(-y))). */
function logRatio(y: number): number {
  const size = Math.abs(y);
  if (size === 0) return 0;
  return Math.min(y, 0) + Math.log(size) - Math.log(-Math.expm1(-size));
}
