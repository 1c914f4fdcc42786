// What quantising the embedded pair costs it on held-out text: nats per token, by the library's own kernels.
// WINDOWS=24 (default 12); what is measured is kept, so that a run that is cut short goes on where it ended.
import { readFileSync } from "node:fs";
import { bench } from "vitest";
import type { Gpu } from "../../src/gpu/index.ts";
import * as kernels from "../../src/kernels/index.ts";
import type { Dtype } from "../../src/options.ts";
import { loadTestModel, treeSession, withGpu } from "../../tests/support/engine.ts";
import { hasCorpus, heldOutWindows, WINDOW } from "../../tests/support/held-out.ts";
import { software } from "../harness.ts";
import { Records } from "../records.ts";

const WINDOWS = Number(process.env["WINDOWS"] ?? 12);
const MODELS = ["target", "draft"] as const;
const DTYPES = ["f16", "q8", "q4"] as const satisfies readonly Dtype[];
/** Positions scored in one pass. */
const ROWS = 64;

interface Measured {
  readonly model: string;
  readonly dtype: string;
  readonly window: number;
  /** Windows that the text was cut into. */
  readonly of: number;
  /** Mean over the window's tokens. */
  readonly nats: number;
  /** Bytes of the model on the GPU, its rotary table included. */
  readonly bytes: number;
}

const keyOf = ({ model, dtype, window, of }: Omit<Measured, "nats" | "bytes">): string =>
  `${model} ${dtype} ${window}/${of}`;

const ABOUT = [WINDOW, kernels.WEIGHT_READERS, kernels.quantiseRows.wgsl, kernels.matmulAdd.wgsl];
const records = new Records<Measured>("perplexity", ABOUT, keyOf);

function files(model: string): Record<string, Uint8Array<ArrayBuffer>> {
  const folder = new URL(`../../models/tales/${model}/`, import.meta.url);
  const names = ["config.json", "model.safetensors"];
  return Object.fromEntries(
    names.map((name) => [name, new Uint8Array(readFileSync(new URL(name, folder)))]),
  );
}

/** Mean negative log-probability of a window's tokens after the first, in nats. */
async function lossOf(session: ReturnType<typeof treeSession>, tokens: readonly number[]) {
  session.rewind(0);
  let loss = 0;
  for (let start = 0; start < WINDOW; start += ROWS) {
    const chain = tokens.slice(start, start + ROWS).map((token, i) => ({ token, parent: i - 1 }));
    const rows = await session.score(chain);
    for (const [i, row] of rows.entries()) {
      const largest = row.reduce((a, b) => Math.max(a, b));
      const sum = row.reduce((total, x) => total + Math.exp(x - largest), 0);
      loss += largest + Math.log(sum) - row[tokens[start + i + 1]!]!;
    }
    await session.commit(chain.map((_, i) => i));
  }
  return loss / WINDOW;
}

async function measure(gpu: Gpu, windows: readonly number[][]): Promise<void> {
  const of = windows.length;
  for (const model of MODELS) {
    for (const dtype of DTYPES) {
      const missing = windows
        .map((tokens, window) => ({ tokens, at: { model, dtype, window, of } }))
        .filter(({ at }) => !records.find(keyOf(at)));
      if (missing.length === 0) continue;
      const before = gpu.buffers.bytes;
      const loaded = await loadTestModel(gpu, files(model), { dtype });
      const bytes = gpu.buffers.bytes - before;
      const session = treeSession(gpu, loaded);
      for (const { tokens, at } of missing) {
        records.save({ ...at, nats: await lossOf(session, tokens), bytes });
        console.log(keyOf(at));
      }
      loaded.dispose();
    }
  }
}

function report(gpu: Gpu, of: number): string {
  const lines = [
    `${of * WINDOW} tokens in ${of} windows of the held-out tail, on ${gpu.adapter.description}`,
    "",
    "| model | dtype | bytes on the GPU | nats per token | perplexity | difference in nats, and its standard error | perplexity |",
    "| --- | --- | --- | --- | --- | --- | --- |",
  ];
  const all = records.read().filter((record) => record.of === of);
  for (const model of MODELS) {
    const losses = (dtype: string) =>
      all
        .filter((record) => record.model === model && record.dtype === dtype)
        .sort((a, b) => a.window - b.window)
        .map(({ nats }) => nats);
    const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    for (const dtype of DTYPES) {
      const own = losses(dtype);
      const base = losses("f16");
      const differences = own.map((loss, i) => loss - base[i]!);
      const shift = mean(differences);
      const variance =
        differences.reduce((sum, x) => sum + (x - shift) ** 2, 0) / (differences.length - 1);
      const error = Math.sqrt(variance / differences.length);
      const nats = mean(own);
      const { bytes } = all.find((record) => record.model === model && record.dtype === dtype)!;
      const change =
        dtype === "f16"
          ? "| |"
          : `${signed(shift, 4)} ± ${error.toFixed(4)} | ${signed(100 * Math.expm1(shift), 2)} % |`;
      lines.push(
        `| ${model} | ${dtype} | ${bytes} | ${nats.toFixed(4)} | ${Math.exp(nats).toFixed(3)} | ${change}`,
      );
    }
  }
  return lines.join("\n");
}

function signed(value: number, digits: number): string {
  return `${value < 0 ? "-" : "+"}${Math.abs(value).toFixed(digits)}`;
}

let done: Promise<void> | undefined;
const once = { iterations: 1, warmupIterations: 0, time: 0, warmupTime: 0 };

bench.skipIf(!hasCorpus)(
  `perplexity${software ? " (a software adapter: slow)" : ""}`,
  () =>
    (done ??= withGpu(async (gpu) => {
      const windows = heldOutWindows(WINDOWS);
      await measure(gpu, windows);
      console.log(report(gpu, windows.length));
    })),
  once,
);
