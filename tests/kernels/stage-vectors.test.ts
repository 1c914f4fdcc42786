// Figures that others publish for their samplers: llama.cpp's tests (tests/test-sampling.cpp), and Hugging Face's definitions
// on the same distributions, recomputed here.
import { expect, test } from "vitest";
import { type Stage, type Stages } from "../reference/warp-rows.ts";
import { withGpu } from "../support/kernel-run.ts";
import { warp } from "../support/warp-run.ts";

const TENTHS = [0.1, 0.2, 0.3, 0.4];
const ORDER: Stage[] = ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"];

/** Given probabilities, stages, and the probabilities that are left. */
const FIGURES: [number[], Partial<Stages>, number[]][] = [
  [TENTHS, {}, TENTHS],
  [TENTHS, { topK: 1 }, [0, 0, 0, 1]],
  [TENTHS, { topK: 3 }, [0, 2 / 9, 3 / 9, 4 / 9]],
  [TENTHS, { topK: 4 }, TENTHS],
  [TENTHS, { topP: 1e-9 }, [0, 0, 0, 1]],
  [TENTHS, { topP: 0.69999 }, [0, 0, 3 / 7, 4 / 7]],
  [TENTHS, { topP: 0.8 }, [0, 2 / 9, 3 / 9, 4 / 9]],
  [TENTHS, { topP: 1 }, TENTHS],
  [TENTHS, { minP: 0.24 }, TENTHS],
  [TENTHS, { minP: 0.26 }, [0, 2 / 9, 3 / 9, 4 / 9]],
  [TENTHS, { minP: 0.49 }, [0, 2 / 9, 3 / 9, 4 / 9]],
  [TENTHS, { minP: 0.51 }, [0, 0, 3 / 7, 4 / 7]],
  [TENTHS, { minP: 0.74 }, [0, 0, 3 / 7, 4 / 7]],
  [TENTHS, { minP: 0.76 }, [0, 0, 0, 1]],
  [TENTHS, { minP: 1 }, [0, 0, 0, 1]],
  [[0.97, 0.01, 0.01, 0.01], { typicalP: 0.5 }, [1, 0, 0, 0]],
  [[0.4, 0.2, 0.2, 0.2], { typicalP: 0.5 }, [0, 1 / 3, 1 / 3, 1 / 3]],
  [TENTHS, { topNSigma: 1 }, [0, 0, 3 / 7, 4 / 7]],
  [TENTHS, { topNSigma: 3 }, TENTHS],
  // Squares and roots: temperature 1/2 and 2.
  [[0.2, 0.8], { temperature: 0.5 }, [1 / 17, 16 / 17]],
  [[0.2, 0.8], { temperature: 2 }, [1 / 3, 2 / 3]],
  // Temperature first makes 16 / 17 of 0.8, so that a share of 0.9 is one token; last it is two.
  [[0.2, 0.8], { temperature: 0.5, topP: 0.9, order: ["temperature", "topP"] }, [0, 1]],
  [[0.2, 0.8], { temperature: 0.5, topP: 0.9, order: ["topP", "temperature"] }, [1 / 17, 16 / 17]],
  // Hugging Face, top-p: what is not needed from below for 1 - p.
  [[0.5, 0.3, 0.15, 0.05], { topP: 0.9, order: ["topP"] }, [10 / 19, 6 / 19, 3 / 19, 0]],
];

test("published figures", () =>
  withGpu(async (gpu) => {
    const none: Stages = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    const cases = FIGURES.map(([given, stages]) => ({
      rows: [Float32Array.from(given, Math.log)],
      stages: { ...none, order: ORDER, ...stages },
    }));
    const results = await warp(gpu, cases);
    FIGURES.forEach(([given, stages, wanted], i) => {
      const left = [...results[i]!.kept.subarray(0, given.length)].map(Math.exp);
      wanted.forEach((p, c) => {
        expect(left[c], `${JSON.stringify(stages)}, token ${c}`).toBeCloseTo(p, 5);
      });
    });
  }));

/** llama.cpp's queues: token i of n has probability in proportion to i, and stages follow each other. */
test.each([
  { order: ["topK"], topK: 100, kept: 100 },
  { order: ["topP"], topP: 0.8, kept: share(0.8, 1) },
  { order: ["topK", "topP"], topK: 100, topP: 0.8, kept: share(0.8, 9900) },
  { order: ["topP", "topK"], topK: 100, topP: 0.8, kept: 100 },
  { order: ["topP", "minP"], topP: 0.8, minP: 0.9, kept: 10_000 - 9000 },
  { order: ["minP", "topK", "topP"], topK: 100, topP: 0.8, minP: 0.1, kept: share(0.8, 9900) },
] as const)("a queue: $order", ({ order, kept, ...stages }) =>
  withGpu(async (gpu) => {
    const rows = [Float32Array.from({ length: 10_000 }, (_, i) => Math.log(i))];
    const none: Stages = { temperature: 1, topK: 0, topP: 1, minP: 0 };
    const [result] = await warp(gpu, [{ rows, stages: { ...none, ...stages, order } }]);
    const left = result!.kept.subarray(0, 10_000);
    expect(left.findIndex((log) => log > -Infinity)).toBe(10_000 - kept);
    expect(left.filter((log) => log > -Infinity)).toHaveLength(kept);
  }),
);

/** How many of the largest of `least`..9999 have a share of their sum. */
function share(p: number, least: number): number {
  const sum = (from: number): number => ((9999 + from) * (10_000 - from)) / 2;
  let from = 9999;
  while (sum(from) < p * sum(least)) from -= 1;
  return 10_000 - from;
}
