/** What is changed in the target's mind before a word is chosen, and where the text has to end. */
import type { LogitEdits } from "coppice";
import { given, one, type Field, type Values } from "./field.ts";
import { plural } from "./format.ts";

export const EDITS: readonly Field[] = [
  {
    name: "repetition",
    label: "Repetition",
    line: "Words said before get less likely: 1.1 a little, 1.5 much; 1 not at all.",
    initial: "1",
    min: 0.01,
    max: 100,
    real: true,
  },
  {
    name: "presence",
    label: "Presence",
    line: "Taken once off the score of every word said before; 0 takes nothing.",
    initial: "0",
    min: -100,
    max: 100,
    real: true,
  },
  {
    name: "frequency",
    label: "Frequency",
    line: "Taken off as often as the word was said; 0 takes nothing.",
    initial: "0",
    min: -100,
    max: 100,
    real: true,
  },
  {
    name: "window",
    label: "Window",
    line: "How many of the last words these three look back on.",
    initial: "",
    min: 1,
    max: 1e6,
    blank: "all",
  },
  {
    name: "noRepeatNgram",
    label: "No echo of",
    line: "No run of so many words comes twice; 0 allows all.",
    initial: "0",
    min: 0,
    max: 64,
  },
];

export const ENDING: readonly Field[] = [
  {
    name: "minNewTokens",
    label: "At least",
    line: "So many words before the story may end by itself.",
    initial: "0",
    min: 0,
    max: 4096,
  },
  {
    name: "overflow",
    label: "When full",
    line: "The model holds only so many words: there the text ends, or goes on with the older half forgotten.",
    choices: ["it ends", "it slides on"],
  },
];

/** Edits that change nothing are left out. */
export function editsOf(values: Values, ending: Values, maxNewTokens: number): LogitEdits {
  const repetition = one(values, "repetition");
  const presence = one(values, "presence");
  const frequency = one(values, "frequency");
  const noRepeatNgram = one(values, "noRepeatNgram");
  const minNewTokens = Math.min(one(ending, "minNewTokens"), maxNewTokens);
  const isPenalised = repetition !== 1 || presence !== 0 || frequency !== 0;
  const penalties = { repetition, presence, frequency, ...given(values, "window") };
  return {
    ...(isPenalised && { penalties }),
    ...(noRepeatNgram > 0 && { noRepeatNgram }),
    ...(minNewTokens > 0 && { minNewTokens }),
  };
}

/** Strings between bars; `\n` stands for the end of a line. */
export function stopsOf(text: string): readonly string[] {
  const parts = text.split("|").map((part) => part.replaceAll("\\n", "\n").replaceAll("\\t", "\t"));
  return parts.filter((part) => part !== "");
}

export function sayEdits(values: Values): string {
  const { penalties, noRepeatNgram } = editsOf(values, {}, 0);
  const words: string[] = [];
  if (penalties && penalties.repetition !== 1) words.push(`repetition ${penalties.repetition}`);
  if (penalties && penalties.presence !== 0) words.push(`presence ${penalties.presence}`);
  if (penalties && penalties.frequency !== 0) words.push(`frequency ${penalties.frequency}`);
  if (noRepeatNgram) words.push(`no ${plural(noRepeatNgram, "word")} twice`);
  return words.join(", ");
}

/** `stops`: how many strings end the text. "" where nothing is asked. */
export function sayEnding(values: Values, stops: number): string {
  const least = one(values, "minNewTokens");
  const words: string[] = [];
  if (least > 0) words.push(`not before ${plural(least, "word")}`);
  if (stops > 0) words.push(`at ${plural(stops, "string")}`);
  if (one(values, "overflow") === 1) words.push("sliding on");
  return words.join(", ");
}
