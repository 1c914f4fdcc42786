/** Finds stop strings in text that arrives token by token, and keeps back what may be the start of one. */
import type { StreamToken } from "../stream-part.ts";

export class StopText {
  readonly #stops: readonly string[];
  #held: StreamToken[] = [];
  #stopped = false;

  constructor(stops: readonly string[]) {
    this.#stops = stops;
  }

  /** True once a stop string was met. Nothing may be pushed after that. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /**
   * Takes one token and returns those whose text is now certain, in order. Where a stop string
   * is complete, these are all that are left, with the text from the stop string on cut away.
   */
  push(token: StreamToken): StreamToken[] {
    this.#held.push(token);
    const text = this.#held.map((held) => held.text).join("");
    const stopAt = firstMatch(text, this.#stops);
    if (stopAt !== undefined) {
      this.#stopped = true;
      return cut(this.end(), stopAt);
    }
    return this.#release(text.length - longestStart(text, this.#stops));
  }

  /** Returns what was kept back: no stop string will be completed any more. */
  end(): StreamToken[] {
    return this.#held.splice(0);
  }

  /** Gives out the tokens whose text ends at or before `certain` characters. */
  #release(certain: number): StreamToken[] {
    let end = 0;
    const open = this.#held.findIndex((held) => (end += held.text.length) > certain);
    return this.#held.splice(0, open === -1 ? this.#held.length : open);
  }
}

/** Where the stop string that begins first begins. */
function firstMatch(text: string, stops: readonly string[]): number | undefined {
  const found = stops.map((stop) => text.indexOf(stop)).filter((at) => at >= 0);
  return found.length > 0 ? Math.min(...found) : undefined;
}

/** The length of the longest end of `text` that a stop string could begin with. */
function longestStart(text: string, stops: readonly string[]): number {
  let longest = 0;
  for (const stop of stops) {
    for (let length = Math.min(stop.length - 1, text.length); length > longest; length--) {
      if (stop.startsWith(text.slice(-length))) longest = length;
    }
  }
  return longest;
}

/** The tokens with their joined text cut to `length` characters. */
function cut(tokens: readonly StreamToken[], length: number): StreamToken[] {
  let left = length;
  return tokens.map((token) => {
    const text = token.text.slice(0, left);
    left -= text.length;
    return { ...token, text };
  });
}
