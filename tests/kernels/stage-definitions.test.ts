// The stages as Hugging Face defines its processors (transformers, generation/logits_process.py), each in that definition's
// own terms and in f64, on random rows: other sums in another order than the reference that warp-rows is tested with.
import { expect, test } from "vitest";
import type { Stage, Stages } from "../reference/warp-rows.ts";
import { withGpu } from "../support/kernel-run.ts";
import { normals } from "../support/random.ts";
import { warp } from "../support/warp-run.ts";

const ROWS = 256;
const VOCAB = 211;

type Scores = readonly number[];

function logSoftmax(scores: Scores): number[] {
  const top = Math.max(...scores);
  const sum = scores.reduce((added, x) => added + Math.exp(x - top), 0);
  return scores.map((x) => x - top - Math.log(sum));
}

const drop = (scores: Scores, isOut: (x: number, c: number) => boolean): number[] =>
  scores.map((x, c) => (isOut(x, c) ? -Infinity : x));

/** Ids by something, from small to large. */
function sortedBy(keys: Scores): number[] {
  return keys.map((_, c) => c).sort((a, b) => keys[a]! - keys[b]!);
}

const temperature = (scores: Scores, t: number): number[] => scores.map((x) => x / t);

function topK(scores: Scores, k: number): number[] {
  const least = [...scores].sort((a, b) => b - a)[k - 1]!;
  return drop(scores, (x) => x < least);
}

/** From the least probable on, all that together have no more than 1 - p are left out. */
function topP(scores: Scores, p: number): number[] {
  const logs = logSoftmax(scores);
  const out = new Set<number>();
  let sum = 0;
  for (const c of sortedBy(scores)) {
    sum += Math.exp(logs[c]!);
    if (sum <= 1 - p) out.add(c);
  }
  return drop(scores, (_, c) => out.has(c));
}

function minP(scores: Scores, share: number): number[] {
  const chances = logSoftmax(scores).map(Math.exp);
  const least = share * Math.max(...chances);
  return drop(scores, (_, c) => chances[c]! < least);
}

function typicalP(scores: Scores, mass: number): number[] {
  const logs = logSoftmax(scores);
  const entropy = logs.reduce((sum, log) => sum - (log > -Infinity ? Math.exp(log) * log : 0), 0);
  const shifted = logs.map((log) => Math.abs(-log - entropy));
  const order = sortedBy(shifted);
  let sum = 0;
  const below = order.filter((c) => (sum += Math.exp(logs[c]!)) < mass).length;
  const last = shifted[order[below]!]!;
  return drop(scores, (_, c) => shifted[c]! > last);
}

/** arXiv 2411.07641, as llama.cpp has it: the population's deviation over logits that are finite. */
function topNSigma(scores: Scores, n: number): number[] {
  const finite = scores.filter((x) => x > -Infinity);
  const mean = finite.reduce((a, b) => a + b, 0) / finite.length;
  const variance = finite.reduce((sum, x) => sum + (x - mean) ** 2, 0) / finite.length;
  const least = Math.max(...finite) - n * Math.sqrt(variance);
  return drop(scores, (x) => x < least);
}

const PROCESSORS: Record<Stage, (scores: Scores, value: number) => number[]> = {
  temperature,
  topK,
  topP,
  minP,
  typicalP,
  topNSigma,
};

const OFF = { temperature: 1, topK: 0, topP: 1, minP: 0, typicalP: 1, topNSigma: 0 };
const HF: Stage[] = ["temperature", "topK", "topP", "minP", "typicalP"];
const LLAMA: Stage[] = ["topNSigma", "topK", "typicalP", "topP", "minP", "temperature"];

test.each([
  [{ topK: 17 }, HF],
  [{ topP: 0.9 }, HF],
  [{ topP: 0.35, temperature: 0.625 }, HF],
  [{ minP: 0.07 }, HF],
  [{ typicalP: 0.2 }, HF],
  [{ typicalP: 0.93, temperature: 1.5 }, HF],
  [{ topNSigma: 1.25 }, LLAMA],
  [{ temperature: 0.75, topK: 50, topP: 0.875, minP: 0.02, typicalP: 0.7 }, HF],
  [{ temperature: 0.75, topK: 50, topP: 0.875, minP: 0.02, typicalP: 0.7, topNSigma: 2.5 }, LLAMA],
] as const)("%j, %j", (values, order) =>
  withGpu(async (gpu) => {
    const normal = normals(7);
    const rows = Array.from({ length: ROWS }, (_, r) =>
      Float32Array.from({ length: VOCAB }, () => (1 + (r % 4)) * normal()),
    );
    const stages = { ...OFF, ...values, order } satisfies Stages;
    const [result] = await warp(gpu, [{ rows, stages }]);
    let others = 0;
    rows.forEach((row, r) => {
      let scores: number[] = [...row];
      for (const stage of order) {
        if (stages[stage] !== OFF[stage]) scores = PROCESSORS[stage](scores, stages[stage]);
      }
      const wanted = logSoftmax(scores);
      const got = result!.kept.subarray(r * VOCAB, (r + 1) * VOCAB);
      // Where a share is that close to its threshold, f32 may keep one more or less.
      const isSame = wanted.every((log, c) => log > -Infinity === got[c]! > -Infinity);
      others += Number(!isSame);
      if (!isSame) return;
      const worst = wanted.map((log, c) => Math.abs(Math.exp(log) - Math.exp(got[c]!)));
      expect(Math.max(...worst), `row ${r}`).toBeLessThan(1e-5);
    });
    expect(others, "rows on the edge").toBeLessThanOrEqual(1);
  }),
);
