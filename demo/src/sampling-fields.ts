/** The stages of sampling: which words may be drawn, and how evenly. */
import type { GreedyDecoder, SampleDecoder } from "coppice";
import { one, type Field, type Values } from "./field.ts";

export const SAMPLING: readonly Field[] = [
  {
    name: "temperature",
    label: "Temperature",
    line: "Below 1 likely words get likelier; at 0 the likeliest is always taken.",
    initial: "0.8",
    min: 0,
    max: 100,
    real: true,
  },
  {
    name: "topK",
    label: "Top-k",
    line: "Keep this many of the likeliest words; 0 keeps all.",
    initial: "0",
    min: 0,
    max: 1e6,
  },
  {
    name: "topP",
    label: "Top-p",
    line: "Of those, the fewest that have this share of the probability; 1 keeps all.",
    initial: "0.95",
    min: 0.001,
    max: 1,
    real: true,
  },
  {
    name: "minP",
    label: "Min-p",
    line: "Of those, all at least this share as likely as the likeliest; 0 keeps all.",
    initial: "0",
    min: 0,
    max: 1,
    real: true,
  },
];

/** The linear decoder that these stages make. */
export function linearDecoder(values: Values): GreedyDecoder | SampleDecoder {
  const temperature = one(values, "temperature");
  if (temperature === 0) return { kind: "greedy" };
  return {
    kind: "sample",
    temperature,
    topK: one(values, "topK"),
    topP: one(values, "topP"),
    minP: one(values, "minP"),
  };
}

export function saySampling(values: Values): string {
  const decoder = linearDecoder(values);
  if (decoder.kind === "greedy") return "temperature 0";
  const parts = [`temperature ${decoder.temperature}`];
  if (decoder.topK !== 0) parts.push(`top-k ${decoder.topK}`);
  if (decoder.topP !== 1) parts.push(`top-p ${decoder.topP}`);
  if (decoder.minP !== 0) parts.push(`min-p ${decoder.minP}`);
  return parts.join(", ");
}
