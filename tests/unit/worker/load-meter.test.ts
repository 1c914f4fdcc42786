// What a progress bar is drawn from: the bytes of all files, whatever is known of them beforehand.
import { expect, test } from "vitest";
import type { OpenedSource } from "../../../src/model/source/index.ts";
import { plannedFiles } from "../../../src/model/source/planned.ts";
import type { LoadProgress } from "../../../src/stream-part.ts";
import { LoadMeter } from "../../../src/worker/host-progress.ts";

const source = {
  isFromCache: (name: string) => name === "config.json",
} as Partial<OpenedSource> as OpenedSource;
const summary = (name: string, size: number) => ({ name, size });
const bytes = (file: string, loadedBytes: number, totalBytes: number) =>
  ({ model: "target", file, loadedBytes, totalBytes }) as const;

function meter(): { told: LoadProgress[]; load: LoadMeter } {
  const told: LoadProgress[] = [];
  return { told, load: new LoadMeter((progress) => told.push(progress)) };
}

test("what is planned counts from the start, and what a file says of itself corrects it", () => {
  const { told, load } = meter();
  load.open("target", source, [summary("config.json", 10), summary("model.safetensors", 1000)]);
  load.note(bytes("config.json", 10, 10));
  // Only some of its layers are needed.
  load.note(bytes("model.safetensors", 100, 400));
  expect(told.map(({ fromCache }) => fromCache)).toEqual([true, false]);
  expect(told.map(({ overall }) => overall)).toEqual([
    { loadedBytes: 10, totalBytes: 1010 },
    { loadedBytes: 110, totalBytes: 410 },
  ]);
});

test("files that nobody listed join as they come, and one of unknown size is as long as what came", () => {
  const { told, load } = meter();
  load.note(bytes("config.json", 10, 10));
  load.note(bytes("model.safetensors", 100, 0));
  expect(told.at(-1)).toMatchObject({ overall: { loadedBytes: 110, totalBytes: 110 } });
});

test("a second plan takes the place of files that were not begun, of that model alone", () => {
  const { told, load } = meter();
  load.open("draft", source, [summary("model.safetensors", 5)]);
  load.open("target", source, [summary("config.json", 10), summary("model.safetensors", 1000)]);
  load.note(bytes("config.json", 10, 10));
  load.open("target", source, [summary("config.json", 10), summary("onnx/model.onnx", 300)]);
  load.note(bytes("onnx/model.onnx", 300, 300));
  expect(told.at(-1)!.overall).toEqual({ loadedBytes: 310, totalBytes: 315 });
});

test("planned are the small files and the weights: one file, all shards, or the one that is named", () => {
  const names = (files: readonly string[], file?: string): string[] =>
    plannedFiles(
      files.map((name) => summary(name, 1)),
      file,
    ).map(({ name }) => name);
  const small = ["config.json", "tokenizer.json"];
  const shards = [
    "model-00001-of-00002.safetensors",
    "model-00002-of-00002.safetensors",
    "model.safetensors.index.json",
  ];
  const more = [
    "README.md",
    "a.gguf",
    "onnx/model.onnx",
    "onnx/model.onnx_data",
    "pytorch_model.bin",
  ];
  expect(names([...small, ...shards, ...more])).toEqual([...small, ...shards]);
  const single = [...small, "model.safetensors"];
  expect(names([...single, ...shards, ...more])).toEqual(single);
  expect(names([...single, ...more], "a.gguf")).toEqual([...small, "a.gguf"]);
  expect(names([...single, ...more], "onnx/model.onnx")).toEqual([
    ...small,
    "onnx/model.onnx",
    "onnx/model.onnx_data",
  ]);
});
