// The temperature of confidence is found again from guesses, and the hint for a rule has its threshold.
import { expect, test } from "vitest";
import { ConfidenceTemperature } from "../../../src/decoder/adaptive/confidence-temperature.ts";
import { verifyHint } from "../../../src/decoder/adaptive/verify-hint.ts";
import { normals, uniforms } from "../../support/random.ts";

const CANDIDATES = 8;

function softmax(scores: readonly number[], temperature: number): number[] {
  const powers = scores.map((score) => Math.exp(score / temperature));
  const sum = powers.reduce((total, each) => total + each, 0);
  return powers.map((each) => each / sum);
}

/** Guesses at `used` of a draft whose scores are right at `right`. */
function learn(fit: ConfidenceTemperature, right: number, used: number, rounds: number, seed = 1) {
  const normal = normals(seed);
  const next = uniforms(seed + 1);
  for (let round = 0; round < rounds; round++) {
    const scores = Array.from({ length: CANDIDATES }, () => 2 * normal());
    const confidence = softmax(scores, used);
    let rest = next();
    const chosen = softmax(scores, right).findIndex((share) => (rest -= share) < 0);
    for (const [i, share] of confidence.entries()) fit.observe(share, i === chosen, used);
  }
}

test("without guesses the temperature is 1", () => {
  expect(new ConfidenceTemperature(CANDIDATES).temperature).toBeCloseTo(1, 6);
});

// Other candidates do not share the rest evenly here, as the fit assumes: it errs toward 1, by 14 % at most.
test.each([0.7, 1, 1.4, 1.8])("a draft that is right at %d", (right) => {
  for (const used of [1, right]) {
    const fit = new ConfidenceTemperature(CANDIDATES);
    learn(fit, right, used, 600);
    expect(fit.temperature / right).toBeGreaterThan(0.85);
    expect(fit.temperature / right).toBeLessThan(1.15);
  }
});

test("two candidates are fitted without bias", () => {
  const fit = new ConfidenceTemperature(2);
  const next = uniforms(5);
  const right = 1.5;
  for (let i = 0; i < 8000; i++) {
    const odds = 6 * next() - 3;
    fit.observe(1 / (1 + Math.exp(-odds)), next() < 1 / (1 + Math.exp(-odds / right)), 1);
  }
  // The prior's share: the information of 5,800 remembered guesses is some 3,500, so its 20 pull less than 1 %.
  expect(Math.abs(fit.temperature - right)).toBeLessThan(0.1);
});

test("it stays within 0.5 and 2, and finite for certainties", () => {
  for (const [accepted, bound] of [
    [false, 2],
    [true, 0.5],
  ] as const) {
    const fit = new ConfidenceTemperature(CANDIDATES);
    for (let i = 0; i < 2000; i++) fit.observe(accepted ? 0.6 : 1, accepted, 1);
    for (let i = 0; i < 2000; i++) fit.observe(0, false, 1);
    expect(fit.temperature).toBeCloseTo(bound, 3);
  }
});

test("it follows a draft that changes", () => {
  const fit = new ConfidenceTemperature(CANDIDATES);
  learn(fit, 0.7, 1, 600);
  learn(fit, 1.6, 1, 3000, 9);
  expect(fit.temperature).toBeGreaterThan(1.4);
});

test("a good draft is rejected on, a poor one coupled", () => {
  expect(verifyHint(0.9)).toEqual({ verify: "traversal", tree: "rsd-s" });
  expect(verifyHint(0.8)).toEqual({ verify: "traversal", tree: "rsd-s" });
  expect(verifyHint(0.79)).toEqual({ verify: "coupled", tree: "best-first" });
});
