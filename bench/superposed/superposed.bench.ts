// Superposed drafts beside what else gives three continuations: exact beams, and samples. Every draft is judged by the target
// itself; passes and rows are counted. Writes bench/results/superposed.md. No times: those belong to machines.
//
//   npx vitest bench --run --project lavapipe bench/superposed
//
// COPPICE_SUPERPOSED_PROMPTS (default 40): beginnings from the held-out end of the corpus, or where that is not there
// those of the goldens.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { fixturePath, hasFixture } from "../../tests/support/fixtures.ts";
import { realPairs } from "../../tests/support/real-pairs.ts";
import { withGpu } from "../../tests/support/shared-gpu.ts";
import { createTokenizer } from "../../src/tokenizer/index.ts";
import { judge, type Judged } from "./judge.ts";
import { DRAFTS, methods, TOKENS } from "./methods.ts";

const PROMPTS = Number(process.env["COPPICE_SUPERPOSED_PROMPTS"] ?? 40);
const PREFIX = 15;
const RESULTS = new URL("../results/", import.meta.url);
const TALES = new URL("../../models/tales/target/", import.meta.url);
/** The corpus lies beside the fixtures. Its last 300,000 characters were held out from training. */
const CORPUS = "../corpus/tales.txt.gz";
const HELD_OUT = 300_000;

function readJson(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(new URL(name, TALES), "utf8")) as Record<string, unknown>;
}

/** Evenly spaced prefixes of held-out text, each from the start of a sentence. */
function heldOutPrompts(): number[][] {
  const tokenizer = createTokenizer(readJson("tokenizer.json"), readJson("tokenizer_config.json"));
  const text = gunzipSync(readFileSync(fixturePath(CORPUS)))
    .toString("utf8")
    .slice(-HELD_OUT);
  const sentences = text.split(/(?<=[.!?]["'\u2019\u201d]?)\s+/).filter((one) => one.length > 80);
  const step = Math.floor(sentences.length / PROMPTS);
  return Array.from({ length: PROMPTS }, (_, i) =>
    [...tokenizer.encode(sentences[i * step]!)].slice(0, PREFIX),
  );
}

async function run(): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  await withGpu(async (gpu) => {
    const { target, prompts: goldens } = await realPairs["tales"]!(gpu);
    const isHeldOut = hasFixture(CORPUS);
    const prompts = isHeldOut ? heldOutPrompts() : goldens.filter(({ length }) => length > 1);
    const rows: string[] = [];
    for (const method of await methods(gpu, target)) {
      const all: Judged[] = [];
      for (const prompt of prompts) {
        all.push(await judge(gpu, target, prompt, await method.drafts(prompt)));
      }
      rows.push(rowOf(method.name, all, method.rowsPerToken, method.passesPerToken));
      console.log(rows.at(-1));
    }
    writeFileSync(new URL("superposed.md", RESULTS), report(gpu, prompts.length, isHeldOut, rows));
  });
}

const mean = (values: readonly number[]) => values.reduce((sum, x) => sum + x, 0) / values.length;

/** A mean of logarithms with its standard error, as a perplexity. */
function perplexity(losses: readonly number[]): string {
  const middle = mean(losses);
  const spread = Math.sqrt(mean(losses.map((x) => (x - middle) ** 2)) / (losses.length - 1));
  return `${Math.exp(middle).toFixed(2)} ± ${(Math.exp(middle) * spread).toFixed(2)}`;
}

function rowOf(name: string, all: readonly Judged[], rows: number, passes: number): string {
  const best = perplexity(all.map(({ losses }) => Math.min(...losses)));
  const every = perplexity(all.map(({ losses }) => mean(losses)));
  const distinct = (what: "drafts" | "bigrams") => mean(all.map((one) => one[what])).toFixed(2);
  const cost = `${passes.toFixed(2)} | ${rows.toFixed(2)}`;
  return `| ${name} | ${best} | ${every} | ${cost} | ${distinct("drafts")} | ${distinct("bigrams")} |`;
}

function report(gpu: Gpu, count: number, isHeldOut: boolean, rows: readonly string[]): string {
  const { vendor, architecture, description } = gpu.adapter;
  const from = isHeldOut
    ? `prefixes of ${PREFIX} tokens from text held out from training`
    : "prompts of the goldens";
  return `# ${DRAFTS} continuations of ${TOKENS} tokens

${count} ${from}, on the embedded target, computed on ${[vendor, architecture, description].filter(Boolean).join(" ")}. Perplexity is under the target itself, exp of the
mean loss per token; "best" takes each prompt's best draft. Means are over prompts, of logarithms; ± is one standard error. Passes and rows of
the target per token that a reader is shown, the reading of the prompt left out. Distinct: drafts that are not repeated, of ${DRAFTS}; and bigrams
among those of all drafts.

| method | best perplexity | all drafts | passes per token | rows per token | distinct drafts | distinct bigrams |
| --- | --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

let done: Promise<void> | undefined;
bench("superposed", () => (done ??= run()), {
  iterations: 1,
  warmupIterations: 0,
  time: 0,
  warmupTime: 0,
});
