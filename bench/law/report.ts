// The measured laws as a page.
import type { SamplingStages, TreeOptions, VerifyRule } from "../../src/options.ts";
import { type ChiSquare, visibleEffect } from "../../tests/support/chi-square.ts";
import { COMBINATIONS, HARMLESS, limitFor, STAGES } from "../../tests/support/law-cases.ts";
import type { LawResult } from "../../tests/support/law-run.ts";
import type { MarkovPair } from "../../tests/support/markov-pair.ts";

export interface Measured {
  readonly kind: "right" | "wrong" | "harmless";
  /** Of a planted fault. */
  readonly name?: string;
  readonly tree: TreeOptions;
  readonly verify: VerifyRule;
  readonly stages: SamplingStages;
  readonly adapter: string;
  readonly result: LawResult;
}

const group = (count: number): string => count.toLocaleString("en");

function probability(p: number): string {
  if (p === 0) return "< 1e-300";
  return p < 0.001 ? p.toExponential(1) : p.toFixed(3);
}

const test = ({ statistic, freedom, pValue }: ChiSquare): string[] => [
  Number.isFinite(statistic) ? statistic.toFixed(1) : "∞",
  String(freedom),
  probability(pValue),
];

function shape(tree: TreeOptions): string {
  const { kind, ...sizes } = tree;
  return [kind, ...Object.values(sizes).map(String)].join(" ").replaceAll(",", "-");
}

const stage = ({ temperature, topK, topP }: SamplingStages): string =>
  [`T ${temperature}`, topK && `top-k ${topK}`, topP && `top-p ${topP}`].filter(Boolean).join(", ");

const row = (...cells: string[]): string => `| ${cells.join(" | ")} |`;

const STATISTICS = ["χ²", "df", "p"];

function table(first: string[], all: readonly Measured[], cells: (one: Measured) => string[]) {
  const head = [...first, "rounds", "tokens", "per round", ...STATISTICS, ...STATISTICS];
  const lines = all.map((one) => {
    const { rounds, tokens, ...tests } = one.result;
    const counts = [group(rounds), group(tokens), (tokens / rounds).toFixed(2)];
    return row(...cells(one), ...counts, ...test(tests.one), ...test(tests.two));
  });
  return [row(...head), row(...head.map(() => "---")), ...lines].join("\n");
}

/** What the tests of the right rules can see, in the terms of the law after one token. */
function power(right: readonly Measured[], limit: number): string {
  const [least] = right.toSorted((a, b) => a.result.tokens - b.result.tokens);
  if (!least) return "";
  const { tokens, one } = least.result;
  const effect = visibleEffect(tokens, one.freedom, limit);
  return `With the fewest tokens, ${group(tokens)}, a law whose effect size w = √(Σ (share − p)² / p) is ${effect.toFixed(4)} or more would be
rejected with probability 99.9 % by the first test: so would any whose total variation from the right one is ${(effect / 2).toFixed(4)} or more.`;
}

/** `cases`: how many there are to be measured, of which `all` have been. */
export function report({ target }: MarkovPair, all: readonly Measured[], cases: number): string {
  const [right, wrong, harmless] = (["right", "wrong", "harmless"] as const).map((kind) =>
    all.filter((one) => one.kind === kind),
  ) as [Measured[], Measured[], Measured[]];
  const limit = limitFor(2 * (COMBINATIONS.length * STAGES.length + HARMLESS.length));
  const isRejected = ({ result }: Measured) =>
    Math.min(result.one.pValue, result.two.pValue) < limit;
  const failing = [...right, ...harmless].filter(isRejected);
  const missed = wrong.filter((one) => !isRejected(one));
  const names = (some: readonly Measured[]) =>
    some.map((one) => one.name ?? `${shape(one.tree)}, ${one.verify}`).join("; ") || "none";
  const rule = (one: Measured) => [shape(one.tree), one.verify];
  const adapters = [...new Set(all.map(({ adapter }) => adapter))].join("; ");
  return `# The law of what the GPU writes

Written by \`npx vitest bench --run --project lavapipe bench/law\`, ${all.length} of ${cases} measurements, on ${adapters}.

Target and draft are tables over ${target.length} tokens, as models without layers, so the law of every token given the one before is
known. Recorders, plans and kernels are the engine's. The kernels run many sequences per dispatch, for which
\`tests/support/batch-kernel.ts\` rewrites where they read and write; \`tests/lossless/batched.test.ts\` checks that the tokens are those
of the engine itself. Every token of every round is counted. The first χ², degrees of freedom and p-value of a row are Pearson's test of
a token given the one before, the second given the two before. A p-value below ${limit.toExponential(1)} is a rejection: 1e-6
over the number of tests (Bonferroni).

- Right rules rejected: ${names(failing)}.
- Wrong rules not rejected: ${names(missed)}.

${power(right, limit)}

## Every tree with every rule

${table(["tree", "rule", "sampling"], right, (one) => [...rule(one), stage(one.stages)])}

## Wrong rules, planted in the kernels' own text

All at temperature 1.

${table(["fault", "tree", "rule"], wrong, (one) => [one.name!, ...rule(one)])}

## Changes that look wrong and are not

A node that draws for itself is right where the first node of a prefix decides; a beam's noise is truncated so that good paths stay
good, not for the law.

${table(["change", "tree", "rule"], harmless, (one) => [one.name!, ...rule(one)])}
`;
}
