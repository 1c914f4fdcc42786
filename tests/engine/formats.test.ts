// One model in several formats: the same weights write the same text.
import { describe, expect, test } from "vitest";
import { openModelFiles } from "../../src/model/formats/open-store.ts";
import { loadModel } from "../../src/model/index.ts";
import { openSource } from "../../src/model/source/index.ts";
import {
  decodeTokens,
  loadTestModel,
  roundSession,
  type TestFiles,
  withGpu,
} from "../support/engine.ts";
import {
  fixtureBytes,
  fixtureJson,
  hasStories,
  storiesFiles,
  storiesGolden,
} from "../support/fixtures.ts";
import { GGML_BLOCKS } from "../reference/ggml-blocks.ts";
import { storiesGguf } from "../support/gguf-models.ts";
import { onnxLlama, type OnnxModelOptions } from "../support/onnx-models.ts";
import { writeOnnx } from "../support/onnx-writer.ts";
import { jsonFile } from "../support/tiny-model.ts";
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

  /** The folder of an onnx-community repository. */
  const onnxFolder = (options: Partial<OnnxModelOptions>, tied = true) => {
    const own = readSafetensors(storiesFiles()["model.safetensors"]!);
    const made = onnxLlama(own, { layers: 5, heads: { q: 8, kv: 4 }, type: "f32", ...options });
    const { model, data } = writeOnnx(made.graph, "model.onnx_data");
    const { "model.safetensors": _, ...rest } = storiesFiles();
    const config = {
      ...(fixtureJson("models/stories260K-hf/config.json") as object),
      tie_word_embeddings: tied,
    };
    const plain = { ...rest, "config.json": jsonFile(config) };
    return {
      files: { ...plain, "onnx/model.onnx": model, "onnx/model.onnx_data": data! },
      same: { ...plain, "model.safetensors": writeSafetensors(made.tensors) },
    };
  };

  test("as ONNX in f32", async () => {
    expect(await greedy(onnxFolder({ packed: true }).files)).toEqual(golden);
  });

  test("as ONNX in q4 with a head of its own: as safetensors of the same numbers", async () => {
    const { files, same } = onnxFolder({ type: "q4", zeros: true }, false);
    const expected = await greedy(same);
    expect(await greedy(files)).toEqual(expected);
    // config.json calls the head tied, and the graph has another one.
    expect(await greedy(onnxFolder({ type: "q4", zeros: true }).files)).toEqual(expected);
  });

  test.each(["m.gguf", "onnx/model.onnx"])(
    "an abort while %s is read leaves nothing on the GPU",
    async (file) => {
      const made = onnxFolder({ type: "q4" }, false).files;
      const files = { ...made, "m.gguf": storiesGguf("Q8_0") };
      await withGpu(async (gpu) => {
        const before = gpu.bytes;
        const abort = new AbortController();
        const source = await openModelFiles(await openSource({ files }), file);
        let pieces = 0;
        const run = loadModel(gpu, gpu.buffers.child("model"), source, {
          signal: abort.signal,
          onProgress: () => {
            pieces += 1;
            if (pieces === 12) abort.abort();
          },
        });
        await expect(run).rejects.toMatchObject({ code: "aborted" });
        expect(pieces).toBe(12);
        expect(gpu.bytes).toBe(before);
      });
    },
  );
});
