// Rows and sampling stages that bite, for warp-rows.
import type { Stage, Stages } from "../reference/warp-rows.ts";
import { normals, uniforms } from "./random.ts";

/** Each row with a nature of its own. */
export function awkwardLogits(vocab: number): Float32Array<ArrayBuffer>[] {
  const normal = normals(vocab);
  const uniform = uniforms(vocab);
  const kinds: ((c: number) => number)[] = [
    () => normal() * 3,
    () => Math.round(normal() * 2),
    () => 7.25,
    () => (uniform() < 0.5 ? 0 : -0),
    () => (uniform() < 0.9 ? -Infinity : normal()),
    (c) => (c === vocab - 1 ? -50 : -Infinity),
    () => -Infinity,
    () => NaN,
    () => (uniform() < 0.3 ? NaN : Math.round(normal() * 2) / 2),
    (c) => -0.5 * c,
    (c) => 0.01 * c,
    (c) => (c === 0 ? 90 : normal()),
    (c) => -1.1 * Math.log(1 + ((c * 7) % vocab)),
    () => 3e30 * normal(),
    (c) => [1.5e38, -1.5e38, 0, 1.6e38, -Infinity][c % 5]!,
    () => Math.round(uniform() * 9) * 1e-44,
    (c) => 1 + ((c * 3) % vocab) * 2 ** -23,
  ];
  return kinds.map((kind) => Float32Array.from({ length: vocab }, (_, c) => kind(c)));
}

const TEMPERATURES = [1, 0.7, 0.01, 100];
const TOP_P = [1, 0.9, 0.5, 1e-6, 0.99999994, 1e-45];
const MIN_P = [0, 0.05, 1, 0.5, 1e-30];
const TYPICAL_P = [1, 0.9, 0.5, 0.2, 1e-6, 0.99999994];
const SIGMAS = [0, 1, 0.3, 3, 1e-3, 100];
const ORDERS: (readonly Stage[])[] = [
  ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"],
  ["temperature", "topNSigma", "topK", "topP", "minP", "typicalP"],
  ["typicalP", "minP", "temperature", "topK"],
  ["minP", "topNSigma", "topP"],
];
const topKs = (vocab: number) => [0, 1, 2, 40, vocab - 1, vocab, vocab + 7, 0xffffffff];

/** Every stage alone, then `count` combinations. Numbers are f32. */
export function awkwardStages(vocab: number, count: number): Stages[] {
  const next = uniforms(vocab);
  const one = <T>(list: readonly T[]) => list[Math.floor(next() * list.length)]!;
  const none: Stages = { temperature: 1, topK: 0, topP: 1, minP: 0 };
  const alone = [
    ...TEMPERATURES.map((temperature) => ({ ...none, temperature })),
    ...topKs(vocab).map((topK) => ({ ...none, topK })),
    ...TOP_P.map((topP) => ({ ...none, topP })),
    ...MIN_P.map((minP) => ({ ...none, minP })),
  ];
  const combined = Array.from({ length: count }, () => ({
    temperature: one(TEMPERATURES),
    topK: one(topKs(vocab)),
    topP: one(TOP_P),
    minP: one(MIN_P),
  }));
  // Sorting by distance is slow here, not on a GPU.
  const ordered = Array.from({ length: vocab > 4096 ? 0 : Math.min(5, count) }, (_, i) => ({
    ...combined[i]!,
    typicalP: one(TYPICAL_P),
    topNSigma: one(SIGMAS),
    order: ORDERS[i % ORDERS.length]!,
  }));
  const news = [
    ...TYPICAL_P.map((typicalP) => ({ ...none, typicalP })),
    ...SIGMAS.map((topNSigma) => ({ ...none, topNSigma, order: ORDERS[0]! })),
  ];
  const all: Stages[] = [...(count > 8 ? [...alone, ...news] : []), ...combined, ...ordered];
  return all.map((stages) => ({
    ...stages,
    temperature: Math.fround(stages.temperature),
    topP: Math.fround(stages.topP),
    minP: Math.fround(stages.minP),
    ...(stages.typicalP && { typicalP: Math.fround(stages.typicalP) }),
    ...(stages.topNSigma && { topNSigma: Math.fround(stages.topNSigma) }),
  }));
}
