// What a lighter draft loses: block efficiency of the embedded pair with its draft's weights in fewer bits, with a draft
// of fewer tokens (VocabTrim), and with drafts made of the target itself. No times: what is accepted depends on the models and the
// seeds, and bytes on the models alone. Keeps what it has measured in .cache/drafts.json and writes bench/results/drafts.md.
//
//   npx vitest bench --run --project lavapipe bench/drafts
//
// SEEDS (sequences per prompt at temperature 1, default 2) and TOKENS (per sequence, default 64) say how much is run. Tokens to keep
// are counted on the held-out text, which needs the corpus.
import { writeFileSync } from "node:fs";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import type { LanguageModel } from "../../src/model/index.ts";
import type { WeightMatrix } from "../../src/model/weights/index.ts";
import { mostFrequent } from "../../src/worker/host-vocabulary.ts";
import type { TestModelOptions } from "../../tests/support/engine.ts";
import { hasCorpus, heldOutWindows } from "../../tests/support/held-out.ts";
import { type Pair, realPairs, talesModel } from "../../tests/support/real-pairs.ts";
import { withGpu } from "../../tests/support/shared-gpu.ts";
import { Records } from "../records.ts";
import type { Cell } from "../rsd/grid.ts";
import { blockEfficiency, measure, type Measured, pairedGain } from "../rsd/measure.ts";

const SEEDS = Array.from({ length: Number(process.env["SEEDS"] ?? 2) }, (_, i) => 101 + i);
const TOKENS = Number(process.env["TOKENS"] ?? 64);
const TEMPERATURES = [0, 1];
/** Longest path of the tree: passes of the draft in a round. */
const DEPTH = 5;
const TREE = { kind: "best-first", nodes: 16, depth: DEPTH } as const;
const CELL: Cell = {
  experiment: "budget",
  size: TREE.nodes,
  method: "coupled",
  label: "16",
  tree: TREE,
  verify: "coupled",
};
const RESULT = new URL("../results/drafts.md", import.meta.url);

interface Drafting {
  readonly name: string;
  readonly part: "draft" | "target";
  readonly options: TestModelOptions;
}

interface Sequences {
  readonly key: string;
  /** Weights that a pass of the draft reads. */
  readonly bytes: number;
  readonly sequences: readonly { readonly tokens: number; readonly rounds: number }[];
}

const records = new Records<Sequences>("drafts", "drafts", ({ key }) => key);

/** The first is what the others are compared with. */
function drafts(): Drafting[] {
  const text = heldOutWindows(40).flat();
  const most = (size: number) => mostFrequent(text, size).toSorted((a, b) => a - b);
  const trimmed = [2048, 1024, 512, 256].map((size): Drafting => {
    return {
      name: `its ${size} most frequent tokens`,
      part: "draft",
      options: { vocabulary: most(size) },
    };
  });
  return [
    { name: "the pair's draft, f16", part: "draft", options: {} },
    { name: "in q8", part: "draft", options: { dtype: "q8" } },
    { name: "in q4", part: "draft", options: { dtype: "q4" } },
    ...trimmed,
    { name: "q4, 1024 tokens", part: "draft", options: { dtype: "q4", vocabulary: most(1024) } },
    { name: "the target's first 2 layers", part: "target", options: { layers: 2 } },
    { name: "the target's first 4 layers", part: "target", options: { layers: 4 } },
    { name: "the target itself in q4", part: "target", options: { dtype: "q4" } },
  ];
}

/** Of every matrix of a pass; of the head, the kept rows alone. */
function bytesOfPass({ weights, kept }: LanguageModel): number {
  const layers = weights.layers.flatMap(({ qkv, attentionOut, gateUp, down }) => [
    qkv,
    attentionOut,
    gateUp,
    down,
  ]);
  const size = ({ slice }: WeightMatrix): number => slice.size;
  const head = (size(weights.head) * (kept?.count ?? weights.head.cols)) / weights.head.cols;
  return layers.reduce((sum, matrix) => sum + size(matrix), head);
}

async function measureDraft(
  gpu: Gpu,
  pair: Pair,
  draft: Drafting,
  temperature: number,
): Promise<Measured & { readonly bytes: number }> {
  const key = (seed: number): string => JSON.stringify([draft.name, temperature, TOKENS, seed]);
  // Nothing is drawn at temperature 0.
  const seeds = temperature > 0 ? SEEDS : [0];
  if (seeds.some((seed) => !records.find(key(seed)))) {
    const model = await talesModel(gpu, draft.part, draft.options);
    const bytes = bytesOfPass(model);
    for (const seed of seeds) {
      if (records.find(key(seed))) continue;
      const own = { ...pair, draft: model };
      const { sequences } = await measure(gpu, own, CELL, { temperature }, seed, TOKENS);
      records.save({ key: key(seed), bytes, sequences });
      console.log(key(seed));
    }
  }
  const all = seeds.map((seed) => records.find(key(seed))!);
  const sequences = all.flatMap((record) => record.sequences);
  return { cell: CELL, sequences, bytes: all[0]!.bytes };
}

async function run(gpu: Gpu): Promise<void> {
  const pair = await realPairs["tales"]!(gpu);
  const target = bytesOfPass(pair.target);
  const tables: string[] = [];
  for (const temperature of TEMPERATURES) {
    const lines = [
      "| draft | bytes a pass reads | of the target's | block efficiency | against the first, paired | MBSU by bytes |",
      "| --- | --- | --- | --- | --- | --- |",
    ];
    let first: Measured | undefined;
    for (const draft of drafts()) {
      const { bytes, ...measured } = await measureDraft(gpu, pair, draft, temperature);
      const { mean, error } = blockEfficiency(measured);
      const gain = first && pairedGain(measured, first);
      first ??= measured;
      const cells = [
        draft.name,
        Math.round(bytes).toLocaleString("en"),
        `${((100 * bytes) / target).toFixed(1)} %`,
        `${mean.toFixed(2)} ± ${error.toFixed(2)}`,
        gain
          ? `${(100 * gain.mean).toFixed(1).replace(/^(?=\d)/, "+")} ± ${(100 * gain.error).toFixed(1)} %`
          : "",
        (mean / (1 + (DEPTH * bytes) / target)).toFixed(2),
      ];
      lines.push(`| ${cells.join(" | ")} |`);
    }
    const count = pair.prompts.length * (temperature > 0 ? SEEDS.length : 1);
    tables.push(
      `## Temperature ${temperature}`,
      `${count} sequences of ${TOKENS} tokens per draft.`,
      lines.join("\n"),
    );
  }
  const text = `${[
    "# Lighter drafts for the embedded pair",
    `Coupled best-first trees of ${TREE.nodes} nodes, at most ${DEPTH} deep, computed on ${gpu.adapter.description}. The text is the same with every draft; what changes is how much of it was foreseen.`,
    `± is one standard error over the sequences. A pass of the target reads ${target.toLocaleString("en")} bytes of weights; "MBSU by bytes" is block efficiency / (1 + ${DEPTH} x the draft's share of that), what a device gains that waits for nothing but memory.`,
    ...tables,
  ].join("\n\n")}\n`;
  writeFileSync(RESULT, text);
  console.log(text);
}

let done: Promise<void> | undefined;
bench.skipIf(!hasCorpus)("drafts", () => (done ??= withGpu(run)), {
  iterations: 1,
  warmupIterations: 0,
  time: 0,
  warmupTime: 0,
});
