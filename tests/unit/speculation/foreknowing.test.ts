// Sample and match with trees that know the target's draws: lossless all the same. Under shared noise even the
// text is that of plain sampling, token for token, whatever the draft and its tree.
import { describe, expect, test } from "vitest";
import { outcomes } from "../../reference/speculation/chance.ts";
import { emittedLaw, exactLaw, largestError, type Pair } from "../../reference/speculation/law.ts";
import {
  coupledTree,
  foreknowingRound,
  noisyTokens,
  walk,
  type Noise,
} from "../../reference/speculation/match.ts";
import { uniforms } from "../../support/random.ts";
import { tinyPairs } from "../../support/tiny-pairs.ts";

const VOCAB = 3;
const PAIRS = tinyPairs(VOCAB, 7);

const CHOICES: [string, Parameters<typeof foreknowingRound>[3]][] = [
  ["always right", (drawn) => [drawn]],
  ["never right", (drawn) => [(drawn + 1) % VOCAB]],
  ["right for even tokens only", (drawn) => [drawn - (drawn % 2)]],
  ["right by a coin, with a sibling", (drawn, chance) => [chance.draw([1, 1, 1]), 3 - drawn]],
];

test.each(CHOICES)("a tree that knows the draws and is %s", (_, choose) => {
  for (const [name, pair] of PAIRS) {
    const rounds = outcomes((chance) => foreknowingRound(chance, pair, 2, choose));
    const law = emittedLaw(rounds, pair.target, VOCAB, 3);
    expect(largestError(law, exactLaw(pair.target, VOCAB, 3)), name).toBeLessThan(1e-12);
  }
});

/** Gumbel noise that is a function of seed, position and token. */
function noiseOf(seed: number): Noise {
  return (position, token) => {
    const next = uniforms(seed + 7919 * position + 104_729 * token);
    return -Math.log(-Math.log1p(-next()));
  };
}

function plainText({ target }: Pair, length: number, noise: Noise): number[] {
  const text: number[] = [];
  while (text.length < length) text.push(noisyTokens(target(text), text.length, noise)[0]!);
  return text;
}

function speculativeText({ target, draft }: Pair, length: number, noise: Noise, tree: number[]) {
  const text: number[] = [];
  let rounds = 0;
  for (; text.length < length; rounds++) {
    const prefix = [...text];
    const tokenAt = (path: readonly number[]) =>
      noisyTokens(target([...prefix, ...path]), prefix.length + path.length, noise)[0]!;
    text.push(...walk(coupledTree(draft, prefix, tree, noise), tokenAt));
  }
  return { text: text.slice(0, length), rounds };
}

describe.each(PAIRS)("%s", (_, pair) => {
  test.each([[[1, 1, 1]], [[2, 2]], [[3, 1]]])("coupled tree %j: the same text", (tree) => {
    for (let seed = 0; seed < 50; seed++) {
      const noise = noiseOf(seed);
      const { text, rounds } = speculativeText(pair, 8, noise, tree);
      expect(text).toEqual(plainText(pair, 8, noise));
      expect(rounds).toBeLessThanOrEqual(8);
    }
  });
});
