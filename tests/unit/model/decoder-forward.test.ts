// The reference forward pass is only worth something if it agrees with llama2.c's own output.
import { expect, test } from "vitest";
import {
  argmax,
  decoderGreedy,
  decoderLogits,
  type ReferenceConfig,
} from "../../reference/decoder-forward.ts";
import { hasStories, storiesFiles, storiesGolden } from "../../support/fixtures.ts";
import { readSafetensors } from "../../support/safetensors-writer.ts";
import { tinyModel } from "../../support/tiny-model.ts";

test.skipIf(!hasStories)("greedy text of the real model equals the golden, token for token", () => {
  const files = storiesFiles();
  const config = JSON.parse(new TextDecoder().decode(files["config.json"])) as ReferenceConfig;
  const tensors = readSafetensors(files["model.safetensors"]!);
  const { tokens } = storiesGolden();
  const logits = decoderLogits(config, tensors, tokens.slice(0, -1));
  expect(logits.map(argmax)).toEqual(tokens.slice(1));
});

test("tiny models wander: greedy text is not one token over and over", () => {
  for (const options of [{ tied: true }, { tied: false }, { dtype: "BF16" as const, vocab: 400 }]) {
    const distinct = [1, 2, 3, 4].map((seed) => {
      const { config, tensors } = tinyModel({ seed, ...options });
      return new Set(decoderGreedy(config, tensors, [1], 30)).size;
    });
    expect(distinct.reduce((a, b) => a + b) / distinct.length).toBeGreaterThan(10);
  }
});

test("a shallower model of the same seed has the same first layers", () => {
  const deep = tinyModel({ layers: 4 });
  const shallow = tinyModel({ layers: 2 });
  for (const [name, tensor] of Object.entries(shallow.tensors)) {
    expect(deep.tensors[name]).toEqual(tensor);
  }
  const [a, b] = [
    decoderLogits(deep.config, deep.tensors, [1, 5, 9], 2),
    decoderLogits(shallow.config, shallow.tensors, [1, 5, 9]),
  ];
  expect(a).toEqual(b);
});

test("written tensors read back as the numbers they were written from", () => {
  for (const dtype of ["F32", "F16", "BF16"] as const) {
    const { files, tensors } = tinyModel({ dtype, layers: 1 });
    expect(readSafetensors(files["model.safetensors"]!)).toEqual(tensors);
  }
});
