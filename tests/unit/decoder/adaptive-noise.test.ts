// A rejecting round may start only where no coupled tree has seen the noise: the law of a text whose first round is coupled
// and whose later ones are not, by simulation.
import { expect, test } from "vitest";
import { RevealedNoise } from "../../../src/decoder/adaptive/revealed-noise.ts";
import { chiSquareExcess } from "../../support/chi-square.ts";
import { uniforms } from "../../support/random.ts";

const round = (tokens: number, draftPasses: number) => ({
  tokens: Array.from({ length: tokens }, () => 0),
  draftPasses,
});

test("positions ahead are those of the deepest level, less what was written since", () => {
  const noise = new RevealedNoise();
  const seen = [
    [round(2, 5), true],
    [round(1, 2), true],
    [round(1, 0), true],
    [round(4, 3), true],
    [round(1, 8), false],
    [round(1, 8), true],
    [round(3, 4), false],
  ] as const;
  const positions = seen.map(([one, coupled]) => {
    noise.ran(one, coupled);
    return noise.positions;
  });
  expect(positions).toEqual([3, 2, 1, 0, 0, 7, 4]);
});

const [P, Q] = [[0.2, 0.4, 0.4] as const, [0.8, 0.1, 0.1] as const];
const TRIALS = 150_000;

const largest = (row: readonly number[]): number => row.indexOf(Math.max(...row));

/**
 * How far the second token's law is from P, in standard deviations of chi-square. Draft and target draw every token from Q
 * and P; the tree has two nodes of the two best at each of two levels; what follows its round is drawn anew.
 */
function excess(isCareful: boolean): number {
  const next = uniforms(11);
  const gumbel = () => -Math.log(-Math.log(next()));
  const perturbed = (law: readonly number[], noise: readonly number[]) =>
    law.map((p, token) => Math.log(p) + noise[token]!);
  const logShares = (scores: readonly number[]) => {
    const sum = Math.log(scores.reduce((total, score) => total + Math.exp(score), 0));
    return scores.map((score) => score - sum);
  };
  const counts = new Map<string, number>();
  const expected = new Map<string, number>();
  for (let trial = 0; trial < TRIALS; trial++) {
    const noise = [0, 1].map(() => P.map(gumbel));
    const [first, second] = noise.map((each) => logShares(perturbed(Q, each)));
    const order = [0, 1, 2].sort((a, b) => first![b]! - first![a]!);
    // The second node is the second best at the first level, or the best one's best child.
    const isDeep = first![order[0]!]! + Math.max(...second!) > first![order[1]!]!;
    const kept = isDeep ? order.slice(0, 1) : order.slice(0, 2);
    const tokens = [largest(perturbed(P, noise[0]!))];
    if (kept.includes(tokens[0]!)) tokens.push(largest(perturbed(P, noise[1]!)));
    const revealed = new RevealedNoise();
    revealed.ran({ tokens, draftPasses: 2 }, true);
    // Plain rounds draw with the noise of their position.
    for (let wait = isCareful ? revealed.positions : 0; wait > 0; wait--) {
      tokens.push(largest(perturbed(P, noise[tokens.length]!)));
      revealed.ran(round(1, 0), true);
    }
    while (tokens.length < 2) tokens.push(largest(perturbed(P, P.map(gumbel))));
    const key = tokens.slice(0, 2).join(" ");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const [a, first] of P.entries()) {
    for (const [b, second] of P.entries()) expected.set(`${a} ${b}`, first * second);
  }
  return chiSquareExcess(counts, expected);
}

test("past the noise the law is the target's", () => {
  expect(excess(true)).toBeLessThan(6);
});

test("amid the noise it is another", () => {
  expect(excess(false)).toBeGreaterThan(6);
});
