// Inputs that bite: rows with outliers, large and small scales, cancelling neighbours, repeated values.
import type { WeightType } from "../../src/gpu/index.ts";
import { BLOCK, type Block, encodeRows } from "./blocks.ts";
import { f16Bits, roundToF16 } from "./half.ts";
import { normals, uniforms } from "./random.ts";

type Filler = (normal: () => number, i: number, previous: number) => number;

const FILLERS: readonly Filler[] = [
  (normal) => normal(),
  (normal, i) => normal() * (i % 37 === 5 ? 300 : 1),
  (normal, i, previous) => (i % 2 ? -previous * (1 + 1e-4 * normal()) : 10 * normal()),
  (normal) => 1e4 * normal(),
  () => 0.7,
  (normal) => 1e-4 * normal(),
  (normal) => normal() ** 5,
];

/** `[rows, k]`: each row has its own nature. */
export function awkwardRows(
  rows: number,
  k: number,
  seed = rows * 7919 + k,
): Float32Array<ArrayBuffer> {
  const normal = normals(seed);
  const out = new Float32Array(rows * k);
  for (let i = 0; i < out.length; i++) {
    out[i] = FILLERS[Math.floor(i / k) % FILLERS.length]!(normal, i % k, i > 0 ? out[i - 1]! : 0);
  }
  return out;
}

/** Gains around one, some of them zero or negative. */
export function gains(k: number): Float32Array<ArrayBuffer> {
  const normal = normals(k);
  return Float32Array.from({ length: k }, (_, i) => (i % 29 === 3 ? 0 : 1 + 0.3 * normal()));
}

/** A weight matrix as the GPU gets it, and the values it holds after rounding. */
export interface Weights {
  readonly data: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  readonly values: Float32Array<ArrayBuffer>;
}

/** `[cols, k]` normal weights at the scale of a trained model; neighbours repeat now and then, so that terms can cancel. */
export function weights(cols: number, k: number, type: WeightType, seed = cols + k): Weights {
  const normal = normals(seed);
  const scale = 1 / Math.sqrt(k);
  const values = new Float32Array(cols * k);
  for (let i = 0; i < values.length; i++) {
    values[i] = Math.floor(i / k) % 3 === 1 && i % 2 ? values[i - 1]! : scale * normal();
  }
  if (type === "f32") return { data: values, values };
  if (type === "f16") {
    const rounded = values.map(roundToF16);
    return { data: Uint16Array.from(rounded, f16Bits), values: rounded };
  }
  return blockWeights(values, k, type);
}

/** More digits than f16 has, and few enough that its products with quants are exact in f32. */
function roundTo16Bits(x: number): number {
  const word = Uint32Array.of(0);
  new Float32Array(word.buffer)[0] = x;
  word[0]! &= 0xffffff00;
  return new Float32Array(word.buffer)[0]!;
}

/** Near `values`, in blocks; where they are wide their scales are no f16 numbers and their zero points differ. */
function blockWeights(
  values: Float32Array<ArrayBuffer>,
  k: number,
  type: Exclude<WeightType, "f32" | "f16">,
): Weights {
  const next = uniforms(values.length);
  const wide = type.endsWith("-wide");
  const [low, high] = type.startsWith("q8") ? [-127, 127] : [0, 15];
  const rows: Block[][] = [];
  const rounded = new Float32Array(values.length);
  for (let row = 0; row < values.length / k; row++) {
    const blocks: Block[] = [];
    for (let start = 0; start < k; start += BLOCK) {
      const at = row * k + start;
      const own = values.subarray(at, row * k + Math.min(k, start + BLOCK));
      const plain = type.startsWith("q8") ? 0 : 8;
      const zero = wide ? plain + Math.floor(next() * 7) - 3 : plain;
      const largest = own.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      const exact = largest / Math.min(zero - low, high - zero);
      const scale = (wide ? roundTo16Bits : roundToF16)(next() < 0.2 ? -exact : exact);
      const quants = Array.from(own, (x) =>
        Math.max(low, Math.min(high, Math.round(x / scale) + zero)),
      );
      blocks.push({ scale, zero, quants });
      quants.forEach((q, i) => (rounded[at + i] = scale * (q - zero)));
    }
    rows.push(blocks);
  }
  return { data: encodeRows(type, rows), values: rounded };
}
