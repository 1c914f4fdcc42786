// What the fallback does with a row of logits, against the f64 references of the shaders that do the same.
import { describe, expect, test } from "vitest";
import { drawToken } from "../../../src/fallback/draw/draw.ts";
import { editRow } from "../../../src/fallback/draw/edits.ts";
import { drawMirostat } from "../../../src/fallback/draw/mirostat.ts";
import { momentumToken } from "../../../src/fallback/draw/momentum.ts";
import { gumbel, tokenBits } from "../../../src/fallback/draw/noise.ts";
import { argmax, largest, logProbOf } from "../../../src/fallback/draw/rows.ts";
import { keepByStages } from "../../../src/fallback/draw/stages.ts";
import { editRow as referenceEdits } from "../../reference/edit-rows.ts";
import {
  momentumToken as referenceMomentum,
  mostProbable,
} from "../../reference/momentum-candidates.ts";
import { gumbel as referenceGumbel, randomBits, TOKEN_NOISE } from "../../reference/noise.ts";
import { surpriseRow } from "../../reference/surprise-rows.ts";
import { mirostatStep } from "../../reference/verify-mirostat.ts";
import {
  keptOf,
  orderOf,
  sortedDown,
  type Stages,
  temperatureAfter,
} from "../../reference/warp-rows.ts";
import { pathTokens, randomEditCase } from "../../support/edit-cases.ts";
import { settingsOf } from "../../support/mirostat-cases.ts";
import { normals, uniforms } from "../../support/random.ts";
import { awkwardLogits, awkwardStages } from "../../support/stage-cases.ts";

const U32 = [0, 1, 7, 0x7fffffff, 0x80000000, 0xffffffff];

test("the noise has the shaders' bits", () => {
  for (const seed of U32) {
    for (const position of [0, 1, 511, 4095]) {
      for (const id of [0, 1, 4095, 262_143]) {
        expect(tokenBits(seed, position, id)).toBe(randomBits(seed, TOKEN_NOISE, position, id));
        expect(gumbel(seed, position, id)).toBe(referenceGumbel(seed, TOKEN_NOISE, position, id));
      }
    }
  }
});

/** The same stages as the options have them. */
function resolved(stages: Stages) {
  const { typicalP = 1, topNSigma = 0 } = stages;
  return { ...stages, typicalP, topNSigma, order: orderOf(stages) };
}

test("the stages keep what the reference keeps, and give it its log-probabilities", () => {
  let compared = 0;
  for (const vocab of [1, 5, 97]) {
    for (const stages of awkwardStages(vocab, 40)) {
      for (const row of awkwardLogits(vocab)) {
        const { lowest, highest } = keptOf(sortedDown(row), stages);
        const ids = [...row.keys()].filter((id) => row[id]! >= lowest && row[id]! <= highest);
        const kept = keepByStages(row, resolved(stages));
        expect([...kept.ids]).toEqual(ids);
        const temperature = temperatureAfter(stages);
        const sum = ids.reduce(
          (total, id) => total + Math.exp((row[id]! - highest) / temperature),
          0,
        );
        for (const [i, id] of ids.entries()) {
          const expected = (row[id]! - highest) / temperature - Math.log(sum);
          expect(kept.logProbabilities[i]).toBeCloseTo(Math.min(expected, 0), 9);
        }
        compared += 1;
      }
    }
  }
  expect(compared).toBeGreaterThan(3000);
});

test("a token is drawn by the noise of its position, and at temperature 0 not at all", () => {
  const row = Float32Array.of(0, 1, 3, 3, -Infinity);
  const stages = resolved({ temperature: 1, topK: 0, topP: 1, minP: 0 });
  const counts = new Float64Array(5);
  const draws = 20_000;
  for (let position = 0; position < draws; position++) {
    counts[drawToken(row, stages, 1, position).id]! += 1;
  }
  const shares = [0, 1, 3, 3].map(Math.exp);
  const total = shares.reduce((sum, share) => sum + share, 0);
  for (const [id, share] of shares.entries()) {
    const p = share / total;
    // Six standard deviations of a count.
    expect(Math.abs(counts[id]! / draws - p)).toBeLessThan(6 * Math.sqrt((p * (1 - p)) / draws));
  }
  expect(counts[4]).toBe(0);
  expect(drawToken(row, { ...stages, temperature: 0 }, 1, 0).id).toBe(2);
});

test("edits", () => {
  for (let seed = 1; seed <= 300; seed++) {
    const { vocab, edits, text, promptLength, ends, tree, nodeStart } = randomEditCase(seed);
    const tokens = [...text, ...pathTokens(tree, nodeStart)];
    const normal = normals(seed);
    const row = Float32Array.from({ length: vocab }, () => 4 * normal());
    const expected = referenceEdits(row, tokens, promptLength, ends, edits);
    editRow(row, edits, { tokens, promptLength, endTokens: ends });
    for (const [id, value] of row.entries()) {
      if (!Number.isFinite(expected[id])) expect(value).toBe(expected[id]);
      // A few roundings to f32, of numbers up to the penalties' sum.
      else
        expect(Math.abs(value - expected[id]!)).toBeLessThan(2 ** -22 * (100 + 4 * tokens.length));
    }
  }
});

describe("mirostat", () => {
  test.each([0, 1, 2, 3, 8, 13])("settings %i", (index) => {
    const settings = settingsOf(index);
    const { version, tau, eta, bounds, truncated, temperature, ratios } = settings;
    const options = { version, tau, eta, muBounds: bounds, mu: 2 * tau } as const;
    const surprise = truncated ? "truncated" : "model";
    let mu = Math.fround(2 * tau);
    for (let position = 1; position < 200; position++) {
      const normal = normals(1000 * index + position);
      const row = Float32Array.from({ length: 300 }, (_, c) =>
        position % 7 === 0
          ? Math.round(2 * normal())
          : position % 11 === 0 && c % 3 === 0
            ? -Infinity
            : 3 * normal(),
      );
      const facts = surpriseRow(row, temperature, ratios);
      const draw = { seed: 5, position };
      const expected = mirostatStep(row, facts, mu, draw, settings);
      const drawn = drawMirostat(row, mu, { ...options, surprise }, { ...draw, temperature });
      expect(drawn).toMatchObject({ id: expected.token, kept: expected.kept });
      expect(drawn.surprise).toBeCloseTo(expected.surprise, 9);
      expect(drawn.mu).toBe(Math.fround(expected.mu));
      mu = drawn.mu;
    }
  });
});

test("momentum", () => {
  let resisted = 0;
  for (let seed = 1; seed <= 400; seed++) {
    const next = uniforms(seed);
    const below = (count: number): number => Math.floor(next() * count);
    const vocab = 2 + below(12);
    const text = Array.from({ length: 1 + below(30) }, () => below(vocab));
    const row = Float32Array.from({ length: vocab }, () =>
      next() < 0.1 ? -Infinity : Math.round(8 * next()) / 2,
    );
    if (argmax(row) === 0 && row[0] === -Infinity) continue;
    const settings = {
      topK: 2 + below(6),
      alpha: [0, 0.2, 1][below(3)]!,
      resistance: [1, 2, 3].slice(below(3)),
    };
    const token = momentumToken(row, text, settings);
    expect(token).toBe(
      referenceMomentum(row, text, { ...settings, topK: Math.min(settings.topK, vocab) }).token,
    );
    resisted += Number(token !== argmax(row));
  }
  expect(resisted).toBeGreaterThan(50);
});

test("the most probable tokens and their log-probabilities", () => {
  const normal = normals(3);
  const row = Float32Array.from({ length: 200 }, () => Math.round(4 * normal()) / 2);
  row[17] = -Infinity;
  const expected = mostProbable(row, 20);
  expect(largest(row, 20)).toEqual(expected.map(({ token }) => token));
  const { top, logProbability } = logProbOf(row, 40, 20);
  for (const [i, { logProbability: p }] of top.entries()) {
    expect(p).toBeCloseTo(expected[i]!.logProbability, 12);
  }
  expect(logProbability).toBeCloseTo(
    mostProbable(row, 200).find(({ token }) => token === 40)!.logProbability,
    12,
  );
});
