// TreeSession against the f64 forward pass: logits of prompts and trees, commit, rewind, and its refusals.
import { describe, expect, test } from "vitest";
import { decoderLogits } from "../reference/decoder-forward.ts";
import { quantiseRows } from "../reference/quantise-rows.ts";
import { blockValues } from "../support/blocks.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";
import { expectLogits } from "../support/logits.ts";
import { tinyModel, type TinyModelOptions } from "../support/tiny-model.ts";

const SHAPES: [string, TinyModelOptions][] = [
  ["grouped queries, tied embeddings", {}],
  [
    "untied embeddings, awkward widths",
    { hidden: 36, heads: 3, kvHeads: 1, headDim: 12, intermediate: 52, tied: false, vocab: 333 },
  ],
  ["f16 weights", { dtype: "F16", hidden: 64, heads: 4, kvHeads: 4, seed: 5 }],
  ["bf16 weights", { dtype: "BF16", seed: 6 }],
];

const PROMPT = [1, 17, 203, 4, 99, 250, 31, 8, 8, 120];
// Two branches and a grandchild on each: 0 -> {1, 2}, 1 -> 3, 2 -> 4, 4 -> 5.
const TREE = [
  { token: 44, parent: -1 },
  { token: 5, parent: 0 },
  { token: 6, parent: 0 },
  { token: 7, parent: 1 },
  { token: 9, parent: 2 },
  { token: 10, parent: 4 },
];
const PATHS = [[0], [0, 1], [0, 2], [0, 1, 3], [0, 2, 4], [0, 2, 4, 5]];

describe("weights in q4, tables in q8", () => {
  test("logits are those of the numbers that the blocks hold", async () => {
    // 36 is no multiple of 32, and 52 is none of 8.
    const model = tinyModel(SHAPES[1]![1]);
    const tensors = Object.fromEntries(
      Object.entries(model.tensors).map(([name, tensor]) => {
        const { shape, data } = tensor;
        const table = name.includes("embed") || name.includes("lm_head");
        if (shape.length < 2) return [name, tensor];
        const blocks = quantiseRows(data, shape[1]!, table ? 8 : 4);
        return [name, { ...tensor, data: Float64Array.from(blockValues(blocks)) }];
      }),
    );
    await withGpu(async (gpu) => {
      const session = treeSession(gpu, await loadTestModel(gpu, model.files, { dtype: "q4" }));
      await session.prefill(PROMPT);
      const rows = await session.score(TREE);
      const tokens = [...PROMPT, ...PATHS[5]!.map((i) => TREE[i]!.token)];
      expectLogits(rows[5]!, decoderLogits(model.config, tensors, tokens).at(-1)!);
      // The comparison can fail: quantising moved the logits further than it allows.
      const wider = decoderLogits(model.config, model.tensors, tokens).at(-1)!;
      expect(() => expectLogits(rows[5]!, wider)).toThrow();
    });
  });
});

describe.each(SHAPES)("%s", (_, options) => {
  test("every node's logits are those of its own path", async () => {
    const model = tinyModel(options);
    await withGpu(async (gpu) => {
      const session = treeSession(gpu, await loadTestModel(gpu, model.files));
      await session.prefill(PROMPT);
      const rows = await session.score(TREE);
      for (const [node, path] of PATHS.entries()) {
        const tokens = [...PROMPT, ...path.map((i) => TREE[i]!.token)];
        expectLogits(rows[node]!, decoderLogits(model.config, model.tensors, tokens).at(-1)!);
      }
    });
  });

  test("after a commit the kept path is the prefix", async () => {
    const model = tinyModel(options);
    await withGpu(async (gpu) => {
      const session = treeSession(gpu, await loadTestModel(gpu, model.files));
      await session.prefill(PROMPT);
      await session.score(TREE);
      await session.commit([0, 2, 4]);
      expect(session.length).toBe(PROMPT.length + 3);
      const [row] = await session.score([{ token: 77, parent: -1 }]);
      const tokens = [...PROMPT, 44, 6, 9, 77];
      expectLogits(row!, decoderLogits(model.config, model.tensors, tokens).at(-1)!);
    });
  });

  test("rewinding forgets the tail", async () => {
    const model = tinyModel(options);
    await withGpu(async (gpu) => {
      const session = treeSession(gpu, await loadTestModel(gpu, model.files));
      await session.prefill([...PROMPT, 5, 5, 5]);
      session.rewind(4);
      const [row] = await session.score([{ token: 77, parent: -1 }]);
      const tokens = [...PROMPT.slice(0, 4), 77];
      expectLogits(row!, decoderLogits(model.config, model.tensors, tokens).at(-1)!);
    });
  });
});

describe("refusals", () => {
  test("trees, paths and lengths that make no sense", async () => {
    await withGpu(async (gpu) => {
      const session = treeSession(gpu, await loadTestModel(gpu, tinyModel({ context: 32 }).files));
      const invalid = expect.objectContaining({ code: "tree-invalid" });
      await expect(session.score([])).rejects.toEqual(invalid);
      await expect(session.score([{ token: 1, parent: 0 }])).rejects.toEqual(invalid);
      await expect(session.score([{ token: 300, parent: -1 }])).rejects.toEqual(invalid);
      await expect(session.commit([0])).rejects.toEqual(invalid);
      await session.score([
        { token: 1, parent: -1 },
        { token: 2, parent: 0 },
      ]);
      await expect(session.commit([1])).rejects.toEqual(invalid);
      await expect(session.commit([0, 2])).rejects.toEqual(invalid);
      expect(() => session.rewind(1)).toThrow(/rewind/);
      const overflow = expect.objectContaining({ code: "context-overflow" });
      await expect(session.prefill(new Array<number>(33).fill(1))).rejects.toEqual(overflow);
      // None of this has harmed the session.
      await session.prefill([1, 2, 3]);
      expect(session.length).toBe(3);
    });
  });
});

test("a long prompt can be aborted before all of it is submitted, and the session goes on", () =>
  withGpu(async (gpu) => {
    const long = tinyModel({ layers: 1, context: 1024 });
    const session = treeSession(gpu, await loadTestModel(gpu, long.files));
    const prompt = Array.from({ length: 900 }, (_, i) => i % 300);
    const before = gpu.counters.submits;
    const signal = AbortSignal.abort();
    await expect(session.prefill(prompt, { signal })).rejects.toMatchObject({ code: "aborted" });
    expect(gpu.counters.submits - before).toBe(8);
    expect(session.length).toBe(512);
    // A short one is through before anybody could look.
    session.rewind(0);
    await session.prefill(prompt.slice(0, 500), { signal });
    const [broken] = await session.score([{ token: 1, parent: -1 }]);
    const other = treeSession(gpu, session.model);
    await other.prefill(prompt.slice(0, 500));
    expect(broken).toEqual((await other.score([{ token: 1, parent: -1 }]))[0]);
  }));
