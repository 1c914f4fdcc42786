/** Which of a model's files holds its weights, and how it is read. */
import { CoppiceError } from "../../errors.ts";
import type { ModelFiles } from "../source/types.ts";
import type { TensorStore } from "./tensor-store.ts";
import { WeightFiles } from "./weight-files.ts";

/**
 * Opens the weights of a model.
 * @throws CoppiceError `file-missing` with what was looked for; `weights-invalid`.
 */
export async function openStore(files: ModelFiles): Promise<TensorStore> {
  const store = await WeightFiles.open(files);
  if (store) return store;
  throw new CoppiceError(
    "file-missing",
    `${files.label} has no weights: looked for model.safetensors and model.safetensors.index.json.`,
    "Weights are read from model.safetensors, or from the files that model.safetensors.index.json names. Convert other formats first.",
  );
}
