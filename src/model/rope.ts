/** Rotary position embedding (Su et al. 2021, arXiv 2104.09864) as a table, in the half-split convention. */
import type { RopeConfig, RopeScaling } from "./rope-config.ts";

/**
 * Cosines and sines for positions 0..positions-1: `[positions, headDim]`, cosines in the first half of a row. Computed
 * in f64 and rounded once, so every adapter rotates by the same angles. `contextLength` is that of the engine: the
 * "dynamic" scaling goes by it, and not by the text so far, whose earlier keys are rotated already.
 */
export function ropeTable(
  positions: number,
  headDim: number,
  rope: RopeConfig,
  contextLength: number,
): Float32Array<ArrayBuffer> {
  const half = headDim / 2;
  const table = new Float32Array(positions * headDim);
  const frequencies = ropeFrequencies(headDim, rope, contextLength);
  const scale = rope.scaling?.kind === "yarn" ? rope.scaling.attentionFactor : 1;
  for (let i = 0; i < half; i++) {
    for (let position = 0; position < positions; position++) {
      const angle = position * frequencies[i]!;
      table[position * headDim + i] = scale * Math.cos(angle);
      table[position * headDim + half + i] = scale * Math.sin(angle);
    }
  }
  return table;
}

/** Radians per position of each pair of dimensions, `[headDim / 2]`. */
export function ropeFrequencies(
  headDim: number,
  { theta, scaling }: RopeConfig,
  contextLength: number,
): number[] {
  const half = headDim / 2;
  const plain = (base: number) => Array.from({ length: half }, (_, i) => base ** (-i / half));
  switch (scaling?.kind) {
    case undefined:
      return plain(theta);
    case "linear":
      return plain(theta).map((frequency) => frequency / scaling.factor);
    case "dynamic": {
      const { factor, trainedLength } = scaling;
      if (contextLength <= trainedLength) return plain(theta);
      const stretch = (factor * contextLength) / trainedLength - (factor - 1);
      return plain(theta * stretch ** (headDim / (headDim - 2)));
    }
    case "llama3":
      return plain(theta).map((frequency) => llama3Frequency(frequency, scaling));
    case "yarn":
      return yarnFrequencies(plain(theta), theta, scaling);
    default:
      return scaling satisfies never;
  }
}

type Scaling<K extends RopeScaling["kind"]> = Extract<RopeScaling, { kind: K }>;

/** Long waves are stretched by the factor, short ones not at all, those between in part. */
function llama3Frequency(frequency: number, scaling: Scaling<"llama3">): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, trainedLength } = scaling;
  const turns = (trainedLength * frequency) / (2 * Math.PI);
  const kept = Math.min(1, Math.max(0, (turns - low) / (high - low)));
  return kept * frequency + ((1 - kept) * frequency) / factor;
}

/** YaRN (arXiv 2309.00071): as above, by a ramp over the dimensions instead of over the number of turns. */
function yarnFrequencies(plain: number[], theta: number, scaling: Scaling<"yarn">): number[] {
  const { factor, trainedLength, betaFast, betaSlow, truncate } = scaling;
  const headDim = 2 * plain.length;
  const dimensionOf = (turns: number) =>
    (headDim * Math.log(trainedLength / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [first, last] = [dimensionOf(betaFast), dimensionOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(first) : first, 0);
  const high = Math.min(truncate ? Math.ceil(last) : last, headDim - 1);
  const width = high === low ? 0.001 : high - low;
  return plain.map((frequency, i) => {
    const stretched = Math.min(1, Math.max(0, (i - low) / width));
    return (1 - stretched) * frequency + (stretched * frequency) / factor;
  });
}
