/** Contrastive search: among how many words is chosen, and how much likeness to what was said counts against them. */
import type { ContrastiveDecoder } from "coppice";
import { one, type Field, type Values } from "./field.ts";

export const CONTRASTIVE: readonly Field[] = [
  {
    name: "alpha",
    label: "Likeness",
    line: "How much it counts against a word that it says again what was said; 0 is greedy.",
    initial: "0.6",
    min: 0,
    max: 1,
    real: true,
  },
  {
    name: "topK",
    label: "Top-k",
    line: "Among how many of the likeliest words it chooses, each read once more.",
    initial: "4",
    min: 2,
    max: 16,
  },
];

export function contrastiveDecoder(values: Values): ContrastiveDecoder {
  return { kind: "contrastive", alpha: one(values, "alpha"), topK: one(values, "topK") };
}

export function sayContrastive(values: Values): string {
  return `likeness ${one(values, "alpha")}, top-k ${one(values, "topK")}`;
}
