// The embedded pair's logits over held-out text, on our kernels and on ONNX Runtime: how far they are apart, and whether they
// ever disagree on the likeliest token. Writes bench/results/oracle.md. `tests/engine/oracle.test.ts` does so over a few rows.
//
//   npx vitest bench --run --project lavapipe bench/oracle
//
// COPPICE_ORACLE_WINDOWS: windows of 512 tokens, default 12.
import { mkdirSync, writeFileSync } from "node:fs";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import { loadTestModel, treeSession, withGpu } from "../../tests/support/engine.ts";
import { graphModel, talesFiles, useOrt } from "../../tests/support/fallback.ts";
import { hasCorpus, heldOutWindows, WINDOW } from "../../tests/support/held-out.ts";
import { LOGIT_ERROR } from "../../tests/support/logits.ts";

const WINDOWS = Number(process.env["COPPICE_ORACLE_WINDOWS"] ?? 12);
const RESULTS = new URL("../results/", import.meta.url);
/** Positions scored in one pass. */
const ROWS = 64;

interface Compared {
  rows: number;
  /** Largest difference of a logit, of the row's largest. */
  worst: number;
  /** Rows whose likeliest tokens differ. */
  otherwise: number;
}

const largestOf = (row: Float32Array): number =>
  row.reduce((best, x, id) => (x > row[best]! ? id : best), 0);

function compare(compared: Compared, ours: Float32Array, theirs: Float32Array): void {
  const scale = theirs.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  const apart = ours.reduce((most, x, id) => Math.max(most, Math.abs(x - theirs[id]!)), 0);
  compared.worst = Math.max(compared.worst, apart / scale);
  compared.otherwise += Number(largestOf(ours) !== largestOf(theirs));
  compared.rows += 1;
}

async function measure(gpu: Gpu, name: "target" | "draft", windows: readonly number[][]) {
  const compared: Compared = { rows: 0, worst: 0, otherwise: 0 };
  const oracle = await graphModel(talesFiles(name), WINDOW);
  const model = await loadTestModel(gpu, talesFiles(name));
  const session = treeSession(gpu, model);
  for (const tokens of windows) {
    oracle.rewind(0);
    session.rewind(0);
    for (let at = 0; at < WINDOW; at += ROWS) {
      const ids = tokens.slice(at, at + ROWS);
      const theirs = await oracle.run(ids, ids.length);
      const ours = await session.score(ids.map((token, i) => ({ token, parent: i - 1 })));
      ours.forEach((row, i) => compare(compared, row, theirs[i]!));
      await session.commit(ids.map((_, i) => i));
    }
  }
  model.dispose();
  await oracle.dispose();
  return compared;
}

async function run(gpu: Gpu): Promise<void> {
  useOrt();
  const windows = heldOutWindows(WINDOWS);
  const lines = [
    "# Our kernels and ONNX Runtime",
    "",
    `The embedded pair over ${windows.length} windows of ${WINDOW} tokens of held-out text; ours on ${gpu.adapter.description}, theirs by`,
    `WebAssembly. The bound is ${(2 * LOGIT_ERROR).toExponential(1)} of a row's largest logit (docs/numerics.md).`,
    "",
    "| model | rows | largest difference, of the row's largest logit | rows whose likeliest token differs |",
    "| --- | --- | --- | --- |",
  ];
  for (const name of ["target", "draft"] as const) {
    const { rows, worst, otherwise } = await measure(gpu, name, windows);
    lines.push(`| ${name} | ${rows} | ${worst.toExponential(2)} | ${otherwise} |`);
  }
  mkdirSync(RESULTS, { recursive: true });
  writeFileSync(new URL("oracle.md", RESULTS), `${lines.join("\n")}\n`);
  console.log(lines.join("\n"));
}

let done: Promise<void> | undefined;
const once = { iterations: 1, warmupIterations: 0, time: 0, warmupTime: 0 };
bench.skipIf(!hasCorpus)("oracle", () => (done ??= withGpu(run)), once);
