// The logits of 1..64 rows are the bits of one row at a time: what makes speculation undetectable.
import { describe, expect, test } from "vitest";
import { adapterName } from "../setup/gpu.ts";
import type { Dtype } from "../../src/options.ts";
import { ARCHITECTURES, GEMMA, QWEN2 } from "../support/architectures.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";
import { tinyModel, type TinyModelOptions } from "../support/tiny-model.ts";

const EVERY_COUNT = Array.from({ length: 64 }, (_, i) => i + 1);

/** Every one, or on the slow adapter every row tile with and without rows left over. */
const COUNTS = adapterName === "swiftshader" ? [1, 2, 3, 4, 6, 8, 13, 64] : EVERY_COUNT;

/** Between them these two have every part that a kernel has a variant for; the others take a few counts. */
const EVERY_PART: readonly TinyModelOptions[] = [GEMMA, QWEN2];

interface Case {
  readonly options: TinyModelOptions;
  /** How the weights are kept. Default: "auto". */
  readonly kept?: Dtype;
  readonly counts: readonly number[];
}

const CASES: readonly [string, Case][] = [
  ["F32 weights", { options: {}, counts: COUNTS }],
  ["F16 weights", { options: { dtype: "F16" }, counts: COUNTS }],
  // Its head and its embedding are in q8.
  ["q4 weights", { options: {}, kept: "q4", counts: COUNTS }],
  ...ARCHITECTURES.map(([name, options]): [string, Case] => [
    name,
    { options, counts: EVERY_PART.includes(options) ? COUNTS : [8, 41] },
  ]),
];

describe.each(CASES)("%s", (_, { options, kept = "auto", counts }) => {
  test("a chain of 1 to 64 rows gives the bits of single steps", async () => {
    const model = tinyModel(options);
    const tokens = Array.from({ length: 80 }, (_, i) => (i * 37 + 11) % 300);
    await withGpu(async (gpu) => {
      const loaded = await loadTestModel(gpu, model.files, { dtype: kept });
      const one = treeSession(gpu, loaded);
      const single: Uint32Array[] = [];
      for (const token of tokens) {
        const [row] = await one.score([{ token, parent: -1 }]);
        single.push(bits(row!));
        await one.commit([0]);
      }
      const many = treeSession(gpu, loaded);
      await many.prefill(tokens);
      for (const rows of counts) {
        const start = tokens.length - rows;
        many.rewind(start);
        const chain = tokens.slice(start).map((token, i) => ({ token, parent: i - 1 }));
        const scored = await many.score(chain);
        expect(differences(scored.map(bits), single.slice(start)), `${rows} rows`).toBe(0);
      }
    });
  });

  test("branches of a tree give the bits of their own sequence", async () => {
    const model = tinyModel({ ...options, seed: 3 });
    const prompt = Array.from({ length: 70 }, (_, i) => (i * 53 + 7) % 300);
    // A tree of 40 nodes in which node i hangs on node floor((i - 1) / 3).
    const tree = Array.from({ length: 40 }, (_, i) => ({
      token: (i * 29 + 3) % 300,
      parent: i === 0 ? -1 : Math.floor((i - 1) / 3),
    }));
    await withGpu(async (gpu) => {
      const loaded = await loadTestModel(gpu, model.files, { dtype: kept });
      const session = treeSession(gpu, loaded);
      await session.prefill(prompt);
      const scored = await session.score(tree);
      for (const leaf of [0, 3, 12, 25, 39]) {
        const path: number[] = [];
        for (let node = leaf; node >= 0; node = tree[node]!.parent) path.unshift(node);
        const alone = treeSession(gpu, loaded);
        await alone.prefill([...prompt, ...path.slice(0, -1).map((node) => tree[node]!.token)]);
        const [row] = await alone.score([{ token: tree[leaf]!.token, parent: -1 }]);
        expect(differences([bits(scored[leaf]!)], [bits(row!)]), `node ${leaf}`).toBe(0);
      }
    });
  });
});

function bits(row: Float32Array): Uint32Array {
  return new Uint32Array(row.slice().buffer);
}

function differences(actual: Uint32Array[], expected: Uint32Array[]): number {
  return actual.reduce(
    (sum, row, r) =>
      sum + row.reduce((count, word, i) => count + (word === expected[r]![i] ? 0 : 1), 0),
    0,
  );
}
