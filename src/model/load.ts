/** From a model's files to a model on the GPU. */
import { CoppiceError } from "../errors.ts";
import type { BufferScope, Gpu } from "../kernels/index.ts";
import type { Dtype } from "../options.ts";
import { parseModelConfig } from "./config.ts";
import type { ModelConfig } from "./config.ts";
import { LanguageModel } from "./language-model.ts";
import type { FileProgress, ModelFiles } from "./source/index.ts";
import { loadWeights, type PlannedWeights } from "./weights/index.ts";

export interface LoadModelOptions {
  /** What `readConfig` gave, where it was called before. */
  readonly config?: ModelConfig;
  readonly dtype?: Dtype;
  /** Use the first layers only. Default: all. */
  readonly layers?: number;
  /** Tokens of prompt and output, at most `longestContext`. Default: the smaller of 4,096 and what the model was trained for. */
  readonly contextLength?: number;
  /** Compute the logits of these tokens only: rising ids. Default: of all. */
  readonly vocabulary?: readonly number[] | undefined;
  /** What `planWeights` gave, where it was called before. */
  readonly planned?: PlannedWeights;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: FileProgress) => void;
}

const DEFAULT_CONTEXT = 4096;

/** Reads `config.json` and `generation_config.json`. Throws `config-missing`, `config-invalid`, `architecture-unknown`. */
export async function readConfig(files: ModelFiles, layers?: number): Promise<ModelConfig> {
  const config = await files.json("config.json");
  if (config === undefined) {
    throw new CoppiceError(
      "config-missing",
      `"${files.label}" has no config.json.`,
      "Point to a model folder in the Hugging Face layout: config.json, model.safetensors, tokenizer.json.",
    );
  }
  const generation = await files.json("generation_config.json");
  return parseModelConfig(config, generation, layers === undefined ? {} : { layers });
}

/** Loads a model into `scope`; on failure everything it allocated is freed with that scope. */
export async function loadModel(
  gpu: Gpu,
  scope: BufferScope,
  files: ModelFiles,
  options: LoadModelOptions = {},
): Promise<LanguageModel> {
  try {
    const config = options.config ?? (await readConfig(files, options.layers));
    const contextLength = chooseContext(config, options.contextLength);
    const { dtype = "auto", signal, onProgress } = options;
    const weights = await loadWeights(gpu, scope, files, config, {
      dtype,
      planned: options.planned,
      signal,
      onProgress,
    });
    return new LanguageModel(scope, config, weights, contextLength, options.vocabulary);
  } catch (error) {
    scope.dispose();
    throw error;
  }
}

function chooseContext(config: ModelConfig, wanted: number | undefined): number {
  if (wanted === undefined) return Math.min(DEFAULT_CONTEXT, config.contextLength);
  if (Number.isInteger(wanted) && wanted >= 2 && wanted <= config.longestContext) return wanted;
  throw new CoppiceError(
    "option-invalid",
    `contextLength is ${wanted}; this model allows 2..${config.longestContext}.`,
    `Set contextLength to ${config.longestContext} or less, or leave it out.`,
  );
}
