/** Momentum: how strongly what was said before is resisted. */
import type { MomentumDecoder } from "coppice";
import { one, type Field, type Values } from "./field.ts";

export const MOMENTUM: readonly Field[] = [
  {
    name: "alpha",
    label: "Against echo",
    line: "How strongly repetition is resisted; at 0 the likeliest word is always taken.",
    initial: "0.2",
    min: 0,
    max: 100,
    real: true,
  },
  {
    name: "topK",
    label: "Top-k",
    line: "Among how many of the likeliest words it chooses.",
    initial: "5",
    min: 2,
    max: 64,
  },
  {
    name: "resistance",
    label: "Resistance",
    line: "Against an echo of one word, of two, and so on; one that is longer is not said.",
    initial: "1, 2, 3, 4, 5",
    min: 0,
    max: 1000,
    list: true,
    real: true,
  },
];

export function momentumDecoder(values: Values): MomentumDecoder {
  return {
    kind: "momentum",
    alpha: one(values, "alpha"),
    topK: one(values, "topK"),
    resistance: values["resistance"] ?? [],
  };
}

export function sayMomentum(values: Values): string {
  return `echo resisted by ${one(values, "alpha")}`;
}
