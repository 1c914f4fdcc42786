/** What there is to say of one word: where it came from, how sure draft and target were, what else it might have been. */
import type { StreamToken, TokenOrigin } from "coppice";
import { MEANINGS } from "./legend.ts";
import { confidenceOf, type Growth } from "./rounds.ts";
import { wordOf } from "./words.ts";

export interface Alternative {
  readonly word: string;
  /** 0..1, under the target. */
  readonly share: number;
  /** The one that stands there. */
  readonly isIt: boolean;
  /** What it would add to the text. */
  readonly text: string;
  /** False for the word itself, and for tokens that are no text. */
  readonly isChoosable: boolean;
}

export interface TokenNote {
  readonly id: number;
  readonly word: string;
  /** Of the words that were written; undefined for those that were cut. */
  readonly origin: TokenOrigin | undefined;
  readonly line: string;
  /** How sure the draft was, in words; "" where nothing is known. */
  readonly draft: string;
  /** Under the target, the likeliest first; empty where it was not asked. */
  readonly alternatives: readonly Alternative[];
}

/** How vocabularies spell what is no text, such as its end. */
const SPECIAL = /^<.*>$/;

/** Of the `index`-th token that a round gave. */
export function noteOf(round: Growth, index: number): TokenNote {
  const token = round.tokens[index]!;
  const confidence = confidenceOf(round, index);
  return {
    id: token.id,
    word: wordOf(token.text),
    origin: token.origin,
    line: sentence(MEANINGS[token.origin]),
    draft: confidence === undefined ? "" : `The draft was ${percent(confidence)} sure of it.`,
    alternatives: alternativesOf(token, token.id),
  };
}

/** What the target might have said where `token` stands; `id` is the word that is looked at. */
export function alternativesOf(token: StreamToken, id: number): Alternative[] {
  if (token.logProbability === undefined) return [];
  const own = { id: token.id, text: token.text, logProbability: token.logProbability };
  const top = token.top ?? [];
  const all = top.some((other) => other.id === own.id) ? top : [...top, own];
  return all.map(({ id: each, text, logProbability }) => ({
    word: wordOf(text),
    share: Math.exp(logProbability),
    isIt: each === id,
    text,
    isChoosable: each !== token.id && !SPECIAL.test(text),
  }));
}

/** Two digits are as many as are worth reading. */
export function percent(share: number): string {
  return `${Number((share * 100).toPrecision(2))} %`;
}

export function sentence(words: string): string {
  return `${words[0]!.toUpperCase()}${words.slice(1)}.`;
}
