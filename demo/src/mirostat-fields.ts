/** Mirostat: how surprising the text should be, and how strongly it is held to that. */
import type { MirostatDecoder } from "coppice";
import { given, one, type Field, type Values } from "./field.ts";

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
    name: "version",
    label: "Version",
    line: "2 keeps words up to a surprise; 1 keeps as many as Zipf's law asks for.",
    choices: ["2", "1"],
  },
  {
    name: "eta",
    label: "Rate",
    line: "How strongly one word's surprise moves the cut for the next.",
    initial: "",
    min: 0.001,
    max: 10,
    real: true,
    blank: "auto",
  },
  {
    name: "surprise",
    label: "Measured",
    line: "Among all words, as in the paper, or only among those kept, as llama.cpp does.",
    choices: ["among all", "among those kept"],
  },
  {
    name: "temperature",
    label: "Temperature",
    line: "Below 1 likely words get likelier, before anything is measured.",
    initial: "1",
    min: 0.01,
    max: 100,
    real: true,
  },
];

export function mirostatDecoder(values: Values): MirostatDecoder {
  return {
    kind: "mirostat",
    version: one(values, "version") === 0 ? 2 : 1,
    tau: one(values, "tau"),
    ...given(values, "eta"),
    surprise: one(values, "surprise") === 0 ? "model" : "truncated",
    temperature: one(values, "temperature"),
  };
}

export function sayMirostat(values: Values): string {
  return `${one(values, "tau")} bits a word`;
}
