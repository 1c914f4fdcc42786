// Texts of token ids in which n-grams come back.
import { uniforms } from "./random.ts";

/** Tokens that mostly follow one another as they did before. */
export function markovText(seed: number, vocab: number, length: number): number[] {
  const uniform = uniforms(seed);
  const ids = [0];
  while (ids.length < length) {
    const usual = (ids.at(-1)! * 7 + 3 * Math.floor(uniform() * 6)) % vocab;
    const isUsual = uniform() < 0.8;
    ids.push(isUsual ? usual : Math.floor(uniform() * vocab));
  }
  return ids;
}
