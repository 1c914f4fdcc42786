// superpose-step against the f64 reference: whole traces of drafts on logits handed in.
import { expect, test } from "vitest";
import { superposeStep } from "../../src/kernels/index.ts";
import { plantFault, withGpu } from "../support/kernel-run.ts";
import {
  type GpuTrace,
  judge,
  type JudgedTrace,
  LAMBDAS,
  randomTrace,
  runTraces,
  type TraceOptions,
} from "../support/superposed-cases.ts";
import { adapterName } from "../setup/gpu.ts";
import { faultTest, MANY_VARIANTS } from "../support/slow-adapters.ts";

/** What of a trace differs from the reference: tokens, parents and fates exactly, scores and shares within rounding. */
function faults(actual: GpuTrace, expected: JudgedTrace, trace: TraceOptions): string[] {
  const found: string[] = [];
  if (actual.steps.length !== expected.steps.length) {
    return [`${actual.steps.length} steps, not ${expected.steps.length}`];
  }
  for (const [i, { choices }] of expected.steps.entries()) {
    const bare = (list: readonly { token: number; parent: number; fate: string }[]) =>
      list.map(({ token, parent, fate }) => `${parent}>${token} ${fate}`).join(", ");
    if (bare(actual.steps[i]!) !== bare(choices)) {
      return [`step ${i}: ${bare(actual.steps[i]!)}, not ${bare(choices)}`];
    }
    for (const [j, choice] of choices.entries()) {
      const error = Math.abs(actual.steps[i]![j]!.score - choice.score);
      if (!(error <= expected.errors[i]!)) {
        found.push(`step ${i}: score off by ${error}, allowed ${expected.errors[i]}`);
      }
    }
  }
  const last = expected.steps.at(-1)!;
  const tokens = last.drafts.map((draft) => draft.tokens.at(-1)!);
  if (actual.tokens.join() !== tokens.join()) found.push(`mix of ${actual.tokens}, not ${tokens}`);
  // Shares are as far off as the exponents' differences, exp itself, a sum and a division.
  const most = Math.expm1(4 * expected.errors.at(-1)! + 40 * 2 ** -23);
  last.weights.forEach((weight, i) => {
    const error = Math.abs(actual.weights[i]! - weight);
    if (!(error <= most)) found.push(`share ${actual.weights[i]}, not ${weight}`);
  });
  if (actual.base !== trace.prompt.length - 1 + expected.steps.length) found.push("the base");
  return found;
}

const KS = [2, 3, 5, 10];
/** 1,120 traces in all; a quarter of them where a dispatch takes long. */
const PER_KIND = adapterName === "swiftshader" ? 35 : 140;

test(
  "1,000 traces: k of 2, 3, 5 and 10, with and without n-grams, texts that end",
  () =>
    withGpu(async (gpu) => {
      let [compared, unclear, ended, penalised] = [0, 0, 0, 0];
      for (const k of KS) {
        for (const withNgrams of [true, false]) {
          const traces = Array.from({ length: PER_KIND }, (_, i) =>
            randomTrace(1000 * k + 7 * i + (withNgrams ? 500_000 : 0), k, withNgrams),
          );
          const actual = await runTraces(gpu, traces);
          for (const [i, trace] of traces.entries()) {
            const expected = judge(trace);
            // Closer than rounding can tell: either order would be right.
            unclear += Number(!expected.isClear);
            if (!expected.isClear) continue;
            compared += 1;
            const choices = expected.steps.flatMap((step) => step.choices);
            ended += Number(choices.some(({ fate }) => fate === "ended"));
            penalised += Number(choices.some(({ score }) => score < -200));
            const found = faults(actual[i]!, expected, trace);
            if (found.length > 0) expect(found, `k ${k}, trace ${i}`).toEqual([]);
          }
        }
      }
      expect(compared).toBeGreaterThanOrEqual(7.15 * PER_KIND);
      expect(unclear).toBeLessThan(compared / 8);
      expect(ended).toBeGreaterThan(PER_KIND);
      expect(penalised).toBeGreaterThan(PER_KIND);
    }),
  MANY_VARIANTS,
);

const row = (...values: number[]) => Float32Array.of(...values);

/** A trace without n-grams of the candidates' own shares. */
function plain(options: Partial<TraceOptions>): TraceOptions {
  return {
    k: 2,
    candidates: 4,
    vocab: 6,
    alpha: 0.5,
    temperature: 1,
    lambdas: LAMBDAS,
    sources: [],
    endTokens: [],
    prompt: [1],
    logits: [row(0, 0, 0, 0, 0, 0)],
    ...options,
  };
}

/** Choices as "parent>token fate", step by step. */
async function choicesOf(gpu: Parameters<typeof runTraces>[0], trace: TraceOptions) {
  const [run] = await runTraces(gpu, [trace]);
  return run!.steps.map((step) => step.map((one) => `${one.parent}>${one.token} ${one.fate}`));
}

test("ties go to the lower draft, then to the lower token", () =>
  withGpu(async (gpu) => {
    const flat = row(0, 0, 0, 0, 0, 0);
    const trace = plain({ logits: [flat, flat, row(0, 0, 0, 5, 5, 5)] });
    expect(await choicesOf(gpu, trace)).toEqual([
      ["0>0 live", "0>1 live", "0>2 dropped", "0>3 dropped"],
      ["0>0 live", "0>1 live", "0>2 dropped", "0>3 dropped"],
      // The candidates are 3, 4, 5 and 0, by their logits.
      ["0>3 live", "0>4 live", "0>5 dropped", "1>3 dropped"],
    ]);
  }));

test("where every draft ended, nothing follows; more candidates than tokens are no matter", () =>
  withGpu(async (gpu) => {
    const logits = [row(3, 2, 1, 0, -1, -2), row(0, 0, 0, 0, 0, 0)];
    const ends = plain({ logits, candidates: 2, endTokens: [0, 1] });
    expect(await choicesOf(gpu, ends)).toEqual([["0>0 ended", "0>1 ended"]]);
    const one = plain({ logits, candidates: 2, endTokens: [0] });
    expect(await choicesOf(gpu, one)).toEqual([
      ["0>0 ended", "0>1 live"],
      ["0>0 ended", "0>1 live"],
    ]);
  }));

test("what no n-gram knows is left out; a draft that knows nothing keeps all, less 200", () =>
  withGpu(async (gpu) => {
    // After 1 came 2 and 3; after 2 only 5, which is no candidate.
    const sources = [{ ids: [1, 2, 5, 1, 3, 1], weight: 1 }];
    const first = row(0, 0, 3, 4, 5, -9);
    const trace = plain({ sources, logits: [first, row(3, 2, 1, 0, -9, -9)] });
    const [run] = await runTraces(gpu, [trace]);
    const tokens = run!.steps.map((step) => step.map(({ token }) => token));
    expect(tokens[0]).toEqual([3, 2]);
    expect(run!.steps[1]!.map(({ parent }) => parent)).toEqual([0, 1, 1, 1]);
    expect(run!.steps[1]![0]!.score).toBeGreaterThan(-100);
    expect(run!.steps[1]![1]!.score).toBeLessThan(-200);
  }));

test("logits without a number count for nothing", () =>
  withGpu(async (gpu) => {
    const trace = plain({ logits: [row(1, -Infinity, 2, -Infinity, -Infinity, -Infinity)] });
    // Of four candidates two have no probability.
    expect(await choicesOf(gpu, trace)).toEqual([["0>2 live", "0>0 live"]]);
  }));

const FAULTS: [string, string, string][] = [
  [
    "the higher token wins a tie",
    "candidates[other].token < token",
    "candidates[other].token > token",
  ],
  ["the unknown is kept", "(knows_any && known[pair] == 0.0)", "false"],
  ["parents' scores are left out", "scores[draft] + term", "term"],
  ["the temperature is left out", ") / params.temperature", ")"],
  ["an ended draft takes a place", "u32(!ends_text(tokens", "u32(true || ends_text(tokens"],
  ["a sibling's tail", "tails[parent][skipped + i]", "tails[slot][skipped + i]"],
  ["shares of scores, not of their exponentials", "exp(next_scores[lane] - next_scores[0])", "1.0"],
];

faultTest(
  "planted faults are seen",
  () =>
    withGpu(async (gpu) => {
      const traces = Array.from({ length: 14 }, (_, i) => randomTrace(90_000 + 7 * i, 3, true))
        .concat(Array.from({ length: 5 }, (_, i) => randomTrace(95_000 + 7 * i, 3, false)))
        .filter((trace) => judge(trace).isClear);
      const flat = row(0, 0, 0, 0, 0, 0);
      traces.push(plain({ logits: [flat, flat] }));
      const expected = traces.map(judge);
      const faultsOf = async (spec: typeof superposeStep) =>
        (await runTraces(gpu, traces, spec)).flatMap((run, i) =>
          faults(run, expected[i]!, traces[i]!),
        );
      expect(await faultsOf(superposeStep)).toEqual([]);
      for (const [name, right, wrong] of FAULTS) {
        expect(await faultsOf(plantFault(superposeStep, right, wrong)), name).not.toEqual([]);
      }
    }),
  MANY_VARIANTS,
);
