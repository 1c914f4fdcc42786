/** The stages of sampling: which words may be drawn, and how evenly. */
import type { GreedyDecoder, SampleDecoder, SamplingStages } from "coppice";
import { one, type Field, type Values } from "./field.ts";

const SHARE = { min: 0.001, max: 1, real: true } as const;
const ORDERS = ["hf", "llama.cpp"] as const;

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
    ...SHARE,
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
  {
    name: "typicalP",
    label: "Typical-p",
    line: "The fewest of this share whose surprise is nearest to the average; 1 keeps all.",
    initial: "1",
    ...SHARE,
  },
  {
    name: "topNSigma",
    label: "Top-n-sigma",
    line: "Keep words at most this many standard deviations below the best; 0 keeps all.",
    initial: "0",
    min: 0,
    max: 100,
    real: true,
  },
  {
    name: "order",
    label: "Order",
    line: "Which stage comes first: Hugging Face heats before it cuts, llama.cpp after.",
    choices: ["Hugging Face", "llama.cpp"],
  },
];

/** Stages that change nothing are left out. */
export function stagesOf(values: Values): SamplingStages {
  const topK = one(values, "topK");
  const minP = one(values, "minP");
  const typicalP = one(values, "typicalP");
  const topNSigma = one(values, "topNSigma");
  const order = ORDERS[one(values, "order")]!;
  return {
    temperature: one(values, "temperature"),
    topP: one(values, "topP"),
    ...(topK !== 0 && { topK }),
    ...(minP !== 0 && { minP }),
    ...(typicalP !== 1 && { typicalP }),
    ...(topNSigma !== 0 && { topNSigma }),
    ...(order !== "hf" && { order }),
  };
}

/** The linear decoder that these stages make. */
export function sampleDecoder(values: Values): GreedyDecoder | SampleDecoder {
  if (one(values, "temperature") === 0) return { kind: "greedy" };
  return { kind: "sample", ...stagesOf(values) };
}

export function saySampling(values: Values): string {
  const { temperature, topK, topP, minP, typicalP, topNSigma, order } = stagesOf(values);
  if (temperature === 0) return "temperature 0";
  const parts = [`temperature ${temperature}`];
  if (topK !== undefined) parts.push(`top-k ${topK}`);
  if (topP !== 1) parts.push(`top-p ${topP}`);
  if (minP !== undefined) parts.push(`min-p ${minP}`);
  if (typicalP !== undefined) parts.push(`typical-p ${typicalP}`);
  if (topNSigma !== undefined) parts.push(`${topNSigma} sigma`);
  if (order !== undefined) parts.push(`${ORDERS[1]}’s order`);
  return parts.join(", ");
}
