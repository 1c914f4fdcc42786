// What `tree: "auto"` reaches of the best fixed arm, and of plain decoding, on simulated devices and drafts. Writes
// bench/results/adaptive.md. A simulation: it says how well the choice is made, not how fast anything runs.
//
//   npx vitest bench --run --project lavapipe bench/adaptive
//
// COPPICE_ADAPTIVE_WORLDS: how many devices with their drafts, default 200.
import { mkdirSync, writeFileSync } from "node:fs";
import { bench } from "vitest";
import { DEFAULT_ARMS } from "../../src/decoder/adaptive/arms.ts";
import { TreeChooser } from "../../src/decoder/adaptive/tree-chooser.ts";
import {
  drawWorld,
  fixedRates,
  rateOf,
  simulate,
} from "../../tests/support/speculation-simulator.ts";

const WORLDS = Number(process.env["COPPICE_ADAPTIVE_WORLDS"] ?? 200);
/** None of these had a part in the choice of a constant. */
const FIRST = 150_000;
const SEEDS = [1, 2, 3, 4];
const TEXTS = [4, 12] as const;
const RESULTS = new URL("../results/", import.meta.url);

/** Run by run: of the best arm and of plain decoding. */
interface World {
  readonly name: string;
  readonly ofBest: readonly number[];
  readonly ofPlain: readonly number[];
  /** By the tokens that came, which is what the chooser guards. */
  readonly ofPlainAsGiven: readonly number[];
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

function run(texts: number): World[] {
  return Array.from({ length: WORLDS }, (_, i) => {
    const world = drawWorld(FIRST + i, DEFAULT_ARMS);
    const fixed = fixedRates(world, DEFAULT_ARMS);
    const runs = SEEDS.map((seed) =>
      simulate(world, DEFAULT_ARMS, new TreeChooser(), { seed: seed * 1000 + i, texts }),
    );
    return {
      name: world.name,
      ofBest: runs.map((groups) => rateOf(groups) / Math.max(...fixed)),
      ofPlain: runs.map((groups) => rateOf(groups) / fixed[0]!),
      ofPlainAsGiven: runs.map((groups) => rateOf(groups, "given") / fixed[0]!),
    };
  });
}

function rowOf(texts: number, worlds: readonly World[]): string {
  const means = worlds.map(({ ofBest }) => mean(ofBest));
  const runs = worlds.flatMap(({ ofBest }) => ofBest);
  const plain = Math.min(...worlds.flatMap(({ ofPlain }) => ofPlain));
  const given = Math.min(...worlds.flatMap(({ ofPlainAsGiven }) => ofPlainAsGiven));
  const within = (values: readonly number[]) =>
    `${((100 * values.filter((value) => value >= 0.95).length) / values.length).toFixed(1)} %`;
  const figures = [mean(means), Math.min(...means), Math.min(...runs), given, plain];
  const [average, worstMean, worstRun, asGiven, ofPlain] = figures.map((value) => value.toFixed(3));
  return `| ${texts},000 | ${average} | ${within(means)} | ${worstMean} | ${within(runs)} | ${worstRun} | ${asGiven} | ${ofPlain} |`;
}

function write(): void {
  const all = TEXTS.map((texts) => [texts, run(texts)] as const);
  const least = [...all.at(-1)![1]]
    .sort((a, b) => mean(a.ofBest) - mean(b.ofBest))
    .slice(0, 5)
    .map(({ name, ofBest }) => `| ${name} | ${mean(ofBest).toFixed(3)} |`);
  const text = `# The choice of trees, simulated

${WORLDS} simulated devices with their drafts (\`tests/support/speculation-simulator.ts\`, from number ${FIRST} on: a row costs from nothing to a whole pass,
a pass of the draft 1 % to 60 % of a plain round, acceptance 3 % to 97 %, pauses, drift, texts that differ), ${SEEDS.length} runs of each, all
that is learned on the way included. Tokens per second as a share of the best fixed arm's, known only afterwards, and of plain decoding's. A
policy is judged by the tokens that its choices could expect, so that luck has no part in it; "as given" counts those that came.

| tokens | mean | worlds within 5 % | worst world | runs within 5 % | worst run | worst of plain, as given | as expected |
| --- | --- | --- | --- | --- | --- | --- | --- |
${all.map(([texts, worlds]) => rowOf(texts, worlds)).join("\n")}

The worlds where it is hardest, over ${TEXTS.at(-1)},000 tokens:

| world | of the best arm |
| --- | --- |
${least.join("\n")}
`;
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL("adaptive.md", RESULTS), text);
  console.log(text);
}

let isDone = false;
bench(
  "adaptive",
  () => {
    if (!isDone) write();
    isDone = true;
  },
  { iterations: 1, warmupIterations: 0, time: 0, warmupTime: 0 },
);
