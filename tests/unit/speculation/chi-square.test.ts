// The test of the tests: chi-square's tail against an independent implementation (SciPy's `chi2.sf` and `ncx2.sf`), and that
// counts from a law pass where counts from another fail.
import { expect, test } from "vitest";
import { chiSquareOfRows, chiSquareTail, visibleEffect } from "../../support/chi-square.ts";
import { uniforms } from "../../support/random.ts";

test.each([
  [100, 20, 1.2596084591660847e-12],
  [145.3, 98, 0.0013664668371537166],
  [10, 20, 0.9681719426937951],
  [1000, 20, 3.9047966391213445e-199],
  [50, 100, 0.9999930466947524],
])("the chance of more than %d with %d degrees of freedom", (statistic, freedom, wanted) => {
  expect(chiSquareTail(statistic, freedom) / wanted).toBeCloseTo(1, 9);
});

test("the effect that a million counts show", () => {
  expect(visibleEffect(1e6, 20, 1e-8)).toBeCloseTo(0.0109308057510707, 8);
});

/** How often each of `law`'s tokens is drawn in `count` draws. */
function draw(law: readonly number[], count: number, next: () => number): number[] {
  const counts = law.map(() => 0);
  for (let i = 0; i < count; i++) {
    let [token, rest] = [0, next()];
    while (token < law.length - 1 && rest >= law[token]!) rest -= law[token++]!;
    counts[token]! += 1;
  }
  return counts;
}

const LAWS = [
  [0.5, 0.3, 0.15, 0.05],
  [0.05, 0, 0.05, 0.9],
  [0.0001, 0.0009, 0.009, 0.99],
];

test("counts from the law: one p-value in twenty is below a twentieth", () => {
  const next = uniforms(3);
  const pValues = Array.from({ length: 2000 }, () => {
    const rows = LAWS.map((law) => ({ law, counts: draw(law, 400, next) }));
    return chiSquareOfRows(rows).pValue;
  });
  const low = pValues.filter((p) => p < 0.05).length;
  // 100 expected, standard deviation 9.7; rare cells make the distribution a little uneven.
  expect(low).toBeGreaterThan(60);
  expect(low).toBeLessThan(140);
});

test("counts from another law, or of what cannot be", () => {
  const next = uniforms(4);
  const rows = LAWS.map((law) => ({ law, counts: draw(law, 20_000, next) }));
  expect(chiSquareOfRows(rows)).toMatchObject({ freedom: 3 + 2 + 2 });
  expect(chiSquareOfRows(rows).pValue).toBeGreaterThan(1e-6);
  const [first, ...others] = rows;
  const tilted = { ...first!, law: [0.46, 0.34, 0.15, 0.05] };
  expect(chiSquareOfRows([tilted, ...others]).pValue).toBeLessThan(1e-6);
  const impossible = { law: LAWS[1]!, counts: [5, 1, 5, 90] };
  expect(chiSquareOfRows([impossible]).pValue).toBe(0);
});
