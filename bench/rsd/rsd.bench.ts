// Reproduces the experiments of Recursive Speculative Decoding on real pairs: block efficiency and memory-bound
// speed-up of every method, as a table and a plot under bench/results. No times: those numbers depend on the models
// and the seeds, not on the machine. Keeps what it has measured in .cache/rsd.json, one seed of one cell at a time, and writes the
// results after each seed that all cells have.
//
//   npx vitest bench --run --project lavapipe bench/rsd
//
// COPPICE_RSD_SEEDS (sequences per prompt, default 2), COPPICE_RSD_TOKENS (per sequence, default 64) and COPPICE_RSD_PAIRS
// ("tales,stories") and COPPICE_RSD_TEMPERATURES ("1,0.6") say how much is run, COPPICE_RSD_EXPERIMENT ("length" or "budget")
// which half.
import { mkdirSync, writeFileSync } from "node:fs";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { type Pair, realPairs } from "../../tests/support/real-pairs.ts";
import { withGpu } from "../../tests/support/shared-gpu.ts";
import { Records } from "../records.ts";
import { CELLS } from "./grid.ts";
import { measure, type Measured } from "./measure.ts";
import { plot, table } from "./report.ts";

const amount = (name: string, fallback: number) => Number(process.env[name] ?? fallback);
const SEEDS = Array.from({ length: amount("COPPICE_RSD_SEEDS", 2) }, (_, i) => 101 + i);
const TOKENS = amount("COPPICE_RSD_TOKENS", 64);
const PAIRS = (process.env["COPPICE_RSD_PAIRS"] ?? "tales,stories").split(",");
const TEMPERATURES = (process.env["COPPICE_RSD_TEMPERATURES"] ?? "1,0.6").split(",").map(Number);
const EXPERIMENT = process.env["COPPICE_RSD_EXPERIMENT"];
const RESULTS = new URL("../results/", import.meta.url);

/** What one seed gave in one cell, on one pair at one temperature. */
interface SeedRecord {
  readonly key: string;
  readonly sequences: Measured["sequences"];
}

const records = new Records<SeedRecord>("rsd", "rsd", ({ key }) => key);
const cells = CELLS.filter(({ experiment }) => !EXPERIMENT || experiment === EXPERIMENT);

async function run(): Promise<void> {
  mkdirSync(RESULTS, { recursive: true });
  for (const name of PAIRS) {
    const open = realPairs[name];
    if (!open) {
      console.log(`${name} is not there: left out.`);
      continue;
    }
    for (const temperature of TEMPERATURES) {
      await withGpu(async (gpu) => measurePair(gpu, await open(gpu), temperature));
    }
  }
}

async function measurePair(gpu: Gpu, pair: Pair, temperature: number): Promise<void> {
  let all: Measured[] = cells.map((cell) => ({ cell, sequences: [] }));
  for (const [index, seed] of SEEDS.entries()) {
    const grown: Measured[] = [];
    for (const { cell, sequences } of all) {
      const key = JSON.stringify([pair.name, temperature, TOKENS, seed, cell]);
      const known = records.find(key);
      const more =
        known?.sequences ??
        (await measure(gpu, pair, cell, { temperature }, seed, TOKENS)).sequences;
      if (!known) records.save({ key, sequences: more });
      grown.push({ cell, sequences: [...sequences, ...more] });
    }
    all = grown;
    write(gpu, pair, temperature, index + 1, all);
  }
}

function write(
  gpu: Gpu,
  pair: Pair,
  temperature: number,
  seeds: number,
  all: readonly Measured[],
): void {
  const sequences = pair.prompts.length * seeds;
  const { vendor, architecture, description } = gpu.adapter;
  const adapter = [vendor, architecture, description].filter(Boolean).join(" ");
  const title = `${pair.name}, temperature ${temperature}`;
  const text = `# ${title}

${sequences} sequences of ${TOKENS} tokens per cell (${pair.prompts.length} prompts, ${seeds} ${seeds === 1 ? "seed" : "seeds"}), computed on ${adapter}.
± is one standard error over the sequences. MBSU is block efficiency / (1 + c L). "Against RSD-S" compares with that method's best
tree of the row's size, sequence by sequence. Where a method has several trees, the best of them is chosen after the fact, which
flatters methods with more of them.

${table(pair, all)}`;
  const stem = `rsd-${pair.name}-t${temperature}`;
  writeFileSync(new URL(`${stem}.md`, RESULTS), text);
  writeFileSync(new URL(`${stem}.svg`, RESULTS), plot(title, all));
  console.log(text);
}

let done: Promise<void> | undefined;
bench("rsd", () => (done ??= run()), {
  iterations: 1,
  warmupIterations: 0,
  time: 0,
  warmupTime: 0,
});
