/** Which of a model's files holds its weights, and how it is read. */
import { CoppiceError } from "../../errors.ts";
import type { ModelFiles } from "../source/types.ts";
import { GgufFiles } from "./gguf-files.ts";
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

/**
 * Opens the weights of a model.
 * @throws CoppiceError `file-missing` with what was looked for; `weights-invalid`, `tensor-invalid`.
 */
export async function openStore(files: ModelFiles): Promise<TensorStore> {
  if (files instanceof GgufFiles) return files.store();
  const looked = files.file === undefined ? ["model.safetensors"] : [files.file];
  for (const name of looked) {
    const store = await WeightFiles.open(files, name);
    if (store) return store;
  }
  throw new CoppiceError(
    "file-missing",
    `${files.label} has no weights: looked for ${looked.join(", ")}${files.file === undefined ? " and model.safetensors.index.json" : ""}.`,
    'Weights are read from safetensors and GGUF files. Name the file where it has another name: { model, file: "name.gguf" }.',
  );
}
