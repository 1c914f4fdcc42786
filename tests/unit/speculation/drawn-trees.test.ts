// Enumeration and chance are two readings of one program, and the law of RSD-S trees is that of the search.
import { expect, test } from "vitest";
import { outcomes, randomChance } from "../../reference/speculation/chance.ts";
import {
  chain,
  rsdC,
  type DraftNode,
  type GrowTree,
} from "../../reference/speculation/draft-tree.ts";
import { emittedLaw, exactLaw, largestError, type Pair } from "../../reference/speculation/law.ts";
import { likelyFirst } from "../../reference/speculation/planted.ts";
import { recursive } from "../../reference/speculation/recursive.ts";
import { rsdS } from "../../reference/speculation/rsd-s.ts";
import { stochasticBeam } from "../../reference/speculation/stochastic-beam.ts";
import { chiSquareExcess } from "../../support/chi-square.ts";
import { uniforms } from "../../support/random.ts";
import { tinyPairs } from "../../support/tiny-pairs.ts";

const DRAWS = 40_000;

function pairOf(vocab: number, name: string): Pair {
  return new Map(tinyPairs(vocab, vocab)).get(name)!;
}

/** A tree as text: children in order. */
function spell({ path, children }: DraftNode): string {
  return `${path.at(-1) ?? ""}(${children.map(spell).join(" ")})`;
}

function lawOf(program: Parameters<typeof outcomes<string>>[0]): Map<string, number> {
  const law = new Map<string, number>();
  for (const { value, probability } of outcomes(program)) {
    law.set(value, (law.get(value) ?? 0) + probability);
  }
  return law;
}

function count(draw: () => string): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i < DRAWS; i++) {
    const value = draw();
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return counts;
}

test("the outcomes of a program and their probabilities", () => {
  const found = outcomes((chance) => {
    if (chance.accept(0.25)) return "a";
    return chance.accept(0) ? "never" : `b${chance.draw([0, 2, 6])}`;
  });
  expect(found).toEqual([
    { value: "a", probability: 0.25 },
    { value: "b1", probability: 0.1875 },
    { value: "b2", probability: 0.5625 },
  ]);
});

test("a program that draws from nothing is refused", () => {
  expect(() => outcomes((chance) => chance.draw([0, 0]))).toThrow("no distribution");
  expect(() => outcomes((chance) => chance.accept(Number.NaN))).toThrow("no distribution");
  expect(() => randomChance(uniforms(1)).draw([1, -1])).toThrow("no distribution");
});

test("a round by chance has the law of its enumeration", () => {
  const pair = pairOf(3, "mixed");
  const round: Parameters<typeof lawOf>[0] = (chance) =>
    recursive(chance, rsdC([2, 1])(chance, pair), pair).join();
  const chance = randomChance(uniforms(5));
  expect(
    Math.abs(
      chiSquareExcess(
        count(() => round(chance)),
        lawOf(round),
      ),
    ),
  ).toBeLessThan(4);
});

test("the joint law of plain sampling", () => {
  const pair = pairOf(3, "dense");
  const law = exactLaw(pair.target, 3, 2);
  expect(law[1 * 3 + 2]).toBe(pair.target([])[1]! * pair.target([1])[2]!);
  // A program that draws from the target, and stops anywhere, has it too.
  const rounds = outcomes((chance) => {
    const text = [chance.draw(pair.target([]))];
    return chance.accept(0.3) ? text : [...text, chance.draw(pair.target(text))];
  });
  expect(largestError(emittedLaw(rounds, pair.target, 3, 2), law)).toBeLessThan(1e-15);
});

const BEAMS: [number, number, number, string][] = [
  [3, 2, 2, "dense"],
  [3, 3, 2, "zeros in the draft"],
  [2, 3, 3, "dense"],
];

test.each(BEAMS)(
  "stochastic beam search over %i tokens, %ix%i: %s",
  (vocab, width, depth, name) => {
    const pair = pairOf(vocab, name);
    const uniform = uniforms(11);
    const gumbel = () => -Math.log(-Math.log1p(-uniform()));
    const counts = count(() => spell(stochasticBeam(pair.draft, width, depth, gumbel)));
    const excess = (grow: GrowTree) =>
      chiSquareExcess(
        counts,
        lawOf((chance) => spell(grow(chance, pair))),
      );
    expect(Math.abs(excess(rsdS(width, depth)))).toBeLessThan(4);
    expect(excess(likelyFirst(rsdS(width, depth)))).toBeGreaterThan(100);
    expect(excess(chain(depth))).toBe(Infinity);
  },
);
