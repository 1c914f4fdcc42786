/** Mirostat: how surprising the text should be, and how strongly it is held to that. */
import type { MirostatDecoder } from "coppice";
import { one, type Field, type Values } from "./field.ts";

export const MIROSTAT: readonly Field[] = [
  {
    name: "tau",
    label: "Surprise",
    line: "Bits per word to aim at: 2 is plain and repeats itself, 5 wanders.",
    initial: "3",
    min: 0.1,
    max: 12,
    real: true,
  },
  {
    name: "eta",
    label: "Rate",
    line: "How strongly one word's surprise moves the cut for the next.",
    initial: "1",
    min: 0.001,
    max: 10,
    real: true,
  },
  {
    name: "version",
    label: "Version",
    line: "2 keeps words up to a surprise; 1 keeps as many as Zipf's law asks for.",
    initial: "2",
    min: 1,
    max: 2,
  },
];

export function mirostatDecoder(values: Values): MirostatDecoder {
  return {
    kind: "mirostat",
    version: one(values, "version") === 1 ? 1 : 2,
    tau: one(values, "tau"),
    eta: one(values, "eta"),
  };
}

export function sayMirostat(values: Values): string {
  return `${one(values, "tau")} bits a word`;
}
