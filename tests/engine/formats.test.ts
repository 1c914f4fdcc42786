// One model in several formats: the same weights write the same text.
import { describe, expect, test } from "vitest";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  type TestFiles,
  withGpu,
} from "../support/engine.ts";
import { fixtureBytes, hasStories, storiesFiles, storiesGolden } from "../support/fixtures.ts";
import { GGML_BLOCKS } from "../reference/ggml-blocks.ts";
import { storiesGguf } from "../support/gguf-models.ts";
import { GGUF_ENCODERS } from "../support/gguf-writer.ts";
import {
  readSafetensors,
  type TestTensor,
  testTensor,
  writeSafetensors,
} from "../support/safetensors-writer.ts";

const COUNT = 40;

/** The beginning of the greedy text after BOS alone. */
async function greedy(files: TestFiles, file?: string): Promise<number[]> {
  let tokens: number[] = [];
  await withGpu(async (gpu) => {
    const model = await loadTestModel(gpu, files, {
      contextLength: 64,
      dtype: "f32",
      ...(file && { file }),
    });
    ({ tokens } = await decodeTokens(await roundSession(gpu, model), [1], COUNT));
  });
  return tokens;
}

describe.skipIf(!hasStories)("the real 260K model", () => {
  const golden = hasStories ? storiesGolden().tokens.slice(1, COUNT + 1) : [];

  test("as somebody's GGUF file of version 1", async () => {
    const bytes = fixtureBytes("models/stories260K/tinyllamas-stories-260k-f32.gguf");
    expect(await greedy({ "m.gguf": bytes })).toEqual(golden);
  });

  test("as GGUF in f32", async () => {
    expect(await greedy({ "m.gguf": storiesGguf("F32", 2) })).toEqual(golden);
  });

  test.each(["Q8_0", "Q4_0"] as const)(
    "as GGUF in %s: as safetensors of the same numbers",
    async (encoding) => {
      const { block, encode } = GGUF_ENCODERS[encoding];
      const { bytes, numbers } = GGML_BLOCKS[encoding]!;
      const rounded = Object.entries(readSafetensors(storiesFiles()["model.safetensors"]!)).map(
        ([name, { shape, data }]) => {
          if (shape.length < 2 || shape[1]! % block !== 0)
            return [name, testTensor("F32", shape, data)];
          const blocks = encode(data);
          const all = Array.from({ length: blocks.length / bytes }, (_, i) =>
            numbers(blocks.subarray(i * bytes, (i + 1) * bytes)),
          );
          return [name, testTensor("F32", shape, all.flat())];
        },
      );
      const weights = writeSafetensors(Object.fromEntries(rounded) as Record<string, TestTensor>);
      const expected = await greedy({ ...storiesFiles(), "model.safetensors": weights });
      expect(await greedy({ "m.gguf": storiesGguf(encoding) })).toEqual(expected);
    },
  );
});
