// Every architecture against the f64 forward pass: prompts longer than the windows, trees deeper than them.
import { describe, expect, test } from "vitest";
import { dispatchesPerLayer } from "../../src/model/index.ts";
import { decoderLogits } from "../reference/decoder-forward.ts";
import { ARCHITECTURES, GEMMA, QWEN2, QWEN3, SCALINGS } from "../support/architectures.ts";
import { loadTestModel, treeSession, withGpu } from "../support/engine.ts";
import { expectLogits } from "../support/logits.ts";
import { tinyModel } from "../support/tiny-model.ts";

const PROMPT = Array.from({ length: 41 }, (_, i) => (i * 53 + 7) % 300);
/** A spine of 12 nodes, deeper than a window of 7, with a twig of 2 at every fourth. */
const PARENTS = [-1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 3, 12, 7, 14, 11, 16];
const TREE = PARENTS.map((parent, i) => ({ token: (i * 29 + 3) % 300, parent }));
const WATCHED = [0, 6, 7, 11, 13, 15, 17];

function pathTo(node: number): number[] {
  const path: number[] = [];
  for (let at = node; at >= 0; at = TREE[at]!.parent) path.unshift(at);
  return path;
}

describe.each([...ARCHITECTURES, ...SCALINGS])("%s", (_, options) => {
  test("every node's logits are those of its own path, before and after a commit", async () => {
    const model = tinyModel(options);
    const reference = (tokens: number[]) =>
      decoderLogits(model.config, model.tensors, tokens).at(-1)!;
    await withGpu(async (gpu) => {
      const session = treeSession(gpu, await loadTestModel(gpu, model.files));
      await session.prefill(PROMPT);
      const rows = await session.score(TREE);
      for (const node of WATCHED) {
        const path = pathTo(node).map((at) => TREE[at]!.token);
        expectLogits(rows[node]!, reference([...PROMPT, ...path]));
      }
      await session.commit(pathTo(13));
      const kept = pathTo(13).map((at) => TREE[at]!.token);
      const [row] = await session.score([{ token: 77, parent: -1 }]);
      expectLogits(row!, reference([...PROMPT, ...kept, 77]));
    });
  });
});

test("a part left out would be seen: each changes the logits by far more than is allowed", () => {
  const top = (a: ArrayLike<number>) => Math.max(...Array.from(a, Math.abs));
  const moved = (options: typeof GEMMA, fields: object) => {
    const { config, tensors } = tinyModel(options);
    const [right, wrong] = [config, { ...config, ...fields }].map((one) =>
      decoderLogits(one, tensors, PROMPT).at(-1)!,
    );
    return top(right!.map((z, i) => z - wrong![i]!)) / top(right!);
  };
  const withCaps = ARCHITECTURES.at(-1)![1];
  for (const [options, fields] of [
    [GEMMA, { sliding_window: 8 }],
    [GEMMA, { sliding_window_pattern: 3 }],
    [GEMMA, { query_pre_attn_scalar: 12 }],
    [GEMMA, { rope_local_base_freq: 9000 }],
    [GEMMA, { rope_theta: 9e5 }],
    [GEMMA, { rope_scaling: null }],
    [withCaps, { attn_logit_softcapping: null }],
    [withCaps, { final_logit_softcapping: null }],
    [withCaps, { torch_dtype: "float32" }],
    [QWEN2, { max_window_layers: 2 }],
    [QWEN2, { use_sliding_window: false }],
  ] as const) {
    expect(moved(options, fields), JSON.stringify(fields)).toBeGreaterThan(3e-4);
  }
});

test.each([
  ["llama", {}, 5],
  ["qwen2", QWEN2, 5],
  ["qwen3", QWEN3, 6],
  ["gemma3", GEMMA, 8],
] as const)("%s: as many dispatches per layer as it says", (_, options, perLayer) =>
  withGpu(async (gpu) => {
    const model = await loadTestModel(gpu, tinyModel(options).files);
    expect(dispatchesPerLayer(model.config)).toBe(perLayer);
    const session = treeSession(gpu, model);
    const before = gpu.counters.dispatches;
    await session.score([{ token: 1, parent: -1 }]);
    // Embedding, the layers, head.
    expect(gpu.counters.dispatches - before).toBe(1 + model.config.layers * perLayer + 1);
  }),
);

test("dynamic scaling goes by the engine's context: at its end the logits are transformers'", () =>
  withGpu(async (gpu) => {
    const rope_scaling = { type: "dynamic", factor: 4 };
    const model = tinyModel({ layers: 2, context: 32, fields: { rope_scaling } });
    const session = treeSession(
      gpu,
      await loadTestModel(gpu, model.files, { contextLength: PROMPT.length }),
    );
    await session.prefill(PROMPT.slice(0, -1));
    const [row] = await session.score([{ token: PROMPT.at(-1)!, parent: -1 }]);
    expectLogits(row!, decoderLogits(model.config, model.tensors, PROMPT).at(-1)!);
    await expect(
      loadTestModel(gpu, model.files, { contextLength: 4 * 32 + 1 }),
    ).rejects.toMatchObject({ code: "option-invalid" });
  }));
