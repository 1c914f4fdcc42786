// Damaged files, a few of those that bench/formats tries: never anything but a typed error or a whole model.
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  FUZZ_SEEDS,
  fuzzCase,
  type FuzzFormat,
  mutate,
  tryFile,
} from "../../support/format-fuzz.ts";

const RUNS = 700;

describe.each(Object.keys(FUZZ_SEEDS) as FuzzFormat[])("%s", (format) => {
  const seeds = FUZZ_SEEDS[format];

  test("files that are not damaged load", async () => {
    for (const bytes of seeds) expect((await tryFile(format, bytes)).code).toBeUndefined();
  });

  test("files that are damaged load or are refused by name, in memory of their own size", async () => {
    const codes = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(fuzzCase, async ({ seed, mutations }) => {
        const { code = "none" } = await tryFile(
          format,
          mutate(seeds[seed % seeds.length]!, mutations),
        );
        codes.set(code, (codes.get(code) ?? 0) + 1);
      }),
      { numRuns: RUNS, seed: 20_261_121 },
    );
    // Both happen, or the damage is too small or too great to tell anything.
    expect(codes.get("none")).toBeGreaterThan(RUNS / 50);
    expect(codes.get("weights-invalid")).toBeGreaterThan(RUNS / 10);
  });
});
