/** Which of a model's files holds its weights, and how it is read. */
import { CoppiceError } from "../../errors.ts";
import type { ModelFiles } from "../source/types.ts";
import { GgufFiles } from "./gguf-files.ts";
import type { ModelConfig } from "../config.ts";
import { OnnxStore } from "./onnx-store.ts";
import type { TensorStore } from "./tensor-store.ts";
import { WeightFiles } from "./weight-files.ts";

/**
 * The files of a model whose weights are in `file`, or wherever they are found. A GGUF file brings its own
 * config.json and tokenizer.json; it is taken unasked where it is the only one among files in memory.
 * @throws CoppiceError `file-missing`, `source-invalid`, `weights-invalid`, `tokenizer-invalid`, `config-invalid`.
 */
export async function openModelFiles(
  files: ModelFiles,
  file: string | undefined,
): Promise<ModelFiles> {
  const name = file ?? onlyGguf(files);
  if (name === undefined) return files;
  if (name.endsWith(".gguf")) return GgufFiles.open(files, name);
  return {
    label: `${files.label} (${name})`,
    ...(files.names && { names: files.names }),
    file: name,
    json: (path) => files.json(path),
    open: (path) => files.open(path),
  };
}

function onlyGguf({ names = [], label }: ModelFiles): string | undefined {
  const found = names.filter((name) => name.endsWith(".gguf"));
  if (found.length === 0 || names.some((name) => /(^|\/)config\.json$/.test(name)))
    return undefined;
  if (found.length === 1) return found[0];
  throw new CoppiceError(
    "source-invalid",
    `There are several GGUF files in ${label}: ${found.join(", ")}.`,
    'Say which one: { model: { files }, file: "name.gguf" }.',
  );
}

/** What an ONNX model may be called, by the type that was asked for; the first that is there is taken. */
const ONNX_FILES: Readonly<Record<string, readonly string[]>> = {
  auto: ["model_fp16", "model", "model_q4f16", "model_q4"],
  f32: ["model", "model_fp16"],
  f16: ["model_fp16", "model"],
  q4: ["model_q4f16", "model_q4", "model_fp16", "model"],
  q8: ["model_fp16", "model"],
};

/** What an ONNX graph leaves to its configuration, and which of several files is wanted. */
export type StoreHints = Pick<ModelConfig, "heads" | "kvHeads" | "gainOffset"> & {
  readonly dtype: string;
};

const PLAIN: StoreHints = { heads: 1, kvHeads: 1, gainOffset: 0, dtype: "auto" };

/**
 * Opens the weights of a model: the file that was asked for, or model.safetensors, the files of its index, or the
 * ONNX file in `onnx/` that fits `dtype`.
 * @throws CoppiceError `file-missing` with what was looked for; `weights-invalid`, `tensor-invalid`,
 * `architecture-unknown` for an ONNX graph whose weights cannot be told apart.
 */
export async function openStore(
  files: ModelFiles,
  { heads, kvHeads, gainOffset, dtype }: StoreHints = PLAIN,
): Promise<TensorStore> {
  if (files instanceof GgufFiles) return files.store();
  const looked =
    files.file === undefined
      ? [SAFETENSORS, ...(ONNX_FILES[dtype] ?? []).map((name) => `onnx/${name}.onnx`)]
      : [files.file];
  for (const name of looked) {
    const store = name.endsWith(".onnx")
      ? await OnnxStore.open(files, name, {
          heads: { query: heads, keyValue: kvHeads },
          normPlusOne: gainOffset === 1,
        })
      : await WeightFiles.open(files, name);
    if (store) return store;
  }
  if (files.file === undefined) looked.splice(1, 0, `${SAFETENSORS}.index.json`);
  throw new CoppiceError(
    "file-missing",
    `${files.label} has no weights: looked for ${looked.join(", ")}.`,
    'Name the file of weights where it has another name: { model, file: "name.gguf" }. Safetensors, GGUF and ONNX files can be read.',
  );
}

const SAFETENSORS = "model.safetensors";
