/** Which files of a repository a model is loaded from. */
import type { FileSummary } from "./types.ts";

const SMALL = new Set([
  "config.json",
  "generation_config.json",
  "tokenizer.json",
  "tokenizer_config.json",
  "chat_template.jinja",
]);
const SHARDS = /^model(-\d+-of-\d+\.safetensors|\.safetensors\.index\.json)$/;

/** Of the files that there are, those that loading reads: `file` in place of the weights where one is named. */
export function plannedFiles(files: readonly FileSummary[], file?: string): readonly FileSummary[] {
  const has = (name: string): boolean => files.some((each) => each.name === name);
  const isWeights = (name: string): boolean => {
    // Of ONNX files, large tensors lie beside.
    if (file !== undefined) return name === file || name === `${file}_data`;
    return has("model.safetensors") ? name === "model.safetensors" : SHARDS.test(name);
  };
  return files.filter(({ name }) => SMALL.has(name) || isWeights(name));
}
