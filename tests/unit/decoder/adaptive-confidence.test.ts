// The temperature of confidence comes to rest where guesses come true as often as the draft is sure of them, and there a
// tree of the same size accepts more.
import { expect, test } from "vitest";
import { ConfidenceTemperature } from "../../../src/decoder/adaptive/confidence-temperature.ts";
import { type ConfidencePair, simulateConfidence } from "../../support/confidence-simulator.ts";
import { uniforms } from "../../support/random.ts";

test("without guesses the temperature is 1", () => {
  expect(new ConfidenceTemperature().temperature).toBe(1);
});

/** Guesses of a draft whose scores are right at the temperature `right`, and that is told the one that was learned. */
function learn(fit: ConfidenceTemperature, right: number, guesses: number, seed = 1) {
  const next = uniforms(seed);
  for (let i = 0; i < guesses; i++) {
    const odds = 4 * next();
    const sureness = 1 / (1 + Math.exp(-odds / fit.temperature));
    fit.observe(sureness, next() < 1 / (1 + Math.exp(-odds / right)));
  }
}

// Steps of 1 / 200 with a variance of 0.16, drawn back by some 0.2 of what the logarithm is off: a standard deviation of
// sqrt(0.16 / (2 * 0.2 * 200)) = 0.045.
test.each([0.6, 1, 1.7])("a draft that is right at %d", (right) => {
  const fit = new ConfidenceTemperature();
  learn(fit, right, 3000);
  expect(Math.abs(Math.log(fit.temperature / right))).toBeLessThan(4 * 0.045);
});

test("it follows a draft that changes", () => {
  const fit = new ConfidenceTemperature();
  learn(fit, 0.6, 3000);
  learn(fit, 1.7, 3000, 9);
  expect(Math.abs(Math.log(fit.temperature / 1.7))).toBeLessThan(4 * 0.045);
});

test("it stays within 0.25 and 4", () => {
  for (const [accepted, bound] of [
    [false, 4],
    [true, 0.25],
  ] as const) {
    const fit = new ConfidenceTemperature();
    for (let i = 0; i < 5000; i++) fit.observe(0.5, accepted);
    expect(fit.temperature).toBeCloseTo(bound, 6);
  }
});

const ROUNDS = 1500;

/** Block efficiency at 1, and with the temperature that is learned on the way; what that is in the end. */
function compare(pair: ConfidencePair) {
  const fit = new ConfidenceTemperature();
  const learn: Parameters<typeof simulateConfidence>[4] = ({ guesses }) => {
    for (const { sureness, isRight } of guesses) fit.observe(sureness, isRight);
  };
  const fixed = simulateConfidence(pair, ROUNDS, 5, () => 1);
  const adaptive = simulateConfidence(pair, ROUNDS, 5, () => fit.temperature, learn);
  return { gain: adaptive / fixed, temperature: fit.temperature };
}

test("an over-sure draft is flattened, and a tree of the same size gives more", () => {
  const pair = { scale: 1.5, error: 1, boast: 2.5, temperature: 1 };
  const { gain, temperature } = compare(pair);
  expect(temperature).toBeGreaterThan(1.5);
  expect(gain).toBeGreaterThan(1.05);
});

test("a draft that knows the noise is surer than it says, and gives more where it is believed", () => {
  const { gain, temperature } = compare({ scale: 1.5, error: 0.3, boast: 1, temperature: 1 });
  expect(temperature).toBeLessThan(0.7);
  expect(gain).toBeGreaterThan(1.1);
});

// Block efficiency over 1,500 rounds has a standard error of 1 to 2 %; both runs see the same models and noise.
test.each([
  { scale: 1.5, error: 1, boast: 1.3, temperature: 1 },
  { scale: 2, error: 0.7, boast: 2, temperature: 0 },
])("where 1 is about right it does no harm: %j", (pair) => {
  const { gain, temperature } = compare(pair);
  expect(temperature).toBeGreaterThan(0.7);
  expect(temperature).toBeLessThan(1.4);
  expect(gain).toBeGreaterThan(0.98);
});
