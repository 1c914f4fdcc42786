/** Loads models for the fallback, and the fallback itself: a script and ONNX Runtime's WebAssembly, which no other page downloads. */
import type { ResolvedLoad } from "../decoder/load-options.ts";
import { CoppiceError, throwIfAborted } from "../errors.ts";
import type { FallbackRequest, GraphSource } from "../fallback/index.ts";
import {
  elementsOf,
  type LocatedTensor,
  type TensorDtype,
  type TensorStore,
} from "../model/formats/tensor-store.ts";
import { convertTensor } from "../model/weights/convert.ts";
import { type PlannedWeights, planWeights } from "../model/weights/index.ts";
import { planBuffers } from "../model/weights/plan.ts";
import { progressReporter } from "../model/weights/progress.ts";
import type { EngineBackend, LoadHooks } from "./host-backend.ts";
import { backendTokenizer, parameterCount } from "./host-engine.ts";
import { type Outline, outlineModels } from "./host-models.ts";
import { isUnknownArchitecture, MOST_WEIGHT_BYTES, outlineOnnx } from "./host-onnx.ts";

/** The fallback's script, as it is imported. */
export interface FallbackScript {
  readonly openFallback: (request: FallbackRequest) => Promise<EngineBackend>;
}

/** Where the fallback comes from; tests have it at hand. */
export interface FallbackFiles {
  readonly wasm: string | ArrayBuffer;
  readonly script: () => Promise<FallbackScript>;
}

export async function openFallbackBackend(
  options: ResolvedLoad,
  hooks: LoadHooks,
  reason: string,
  files: FallbackFiles = filesAt(options.fallbackUrl),
): Promise<EngineBackend> {
  const outlines = await outlineModels(options, hooks).catch((error: unknown) => {
    if (!isUnknownArchitecture(error)) throw error;
    return error;
  });
  if (CoppiceError.isInstance(outlines)) {
    const { source, ...rest } = await outlineOnnx(options, hooks, outlines);
    return open(files, hooks, { ...rest, reason, target: source, draft: undefined });
  }
  const { target, draft, tokenizer, chat, contextLength } = outlines;
  checkSize([target, ...(draft ? [draft] : [])]);
  const opened: PlannedWeights[] = [];
  const source = async (outline: Outline): Promise<GraphSource> => {
    const planned = await planWeights(outline.files, outline.config, "f32");
    opened.push(planned);
    return graphSource(outline, planned, hooks);
  };
  try {
    return await open(files, hooks, {
      target: await source(target),
      draft: draft && (await source(draft)),
      contextLength,
      tokenizer: backendTokenizer(tokenizer, chat),
      endOfText: tokenizer.endOfText,
      reason,
    });
  } finally {
    for (const planned of opened) planned.source.dispose();
  }
}

/** Fetches the script, and loads the models by it. */
async function open(
  { wasm, script }: FallbackFiles,
  { signal }: LoadHooks,
  request: Omit<FallbackRequest, "wasm">,
): Promise<EngineBackend> {
  const { openFallback } = await script().catch(scriptMissing);
  throwIfAborted(signal);
  return openFallback({ ...request, wasm });
}

/** Its tensors as f32, one after another. */
function graphSource(
  { role, files, vocabulary }: Outline,
  { source, plan }: PlannedWeights,
  { signal, onProgress }: LoadHooks,
): GraphSource {
  const { config } = plan;
  const parts = planBuffers(plan).flatMap((buffer) => buffer.parts);
  const tensors = parts.map(({ name }) => source.tensors.get(name)!);
  const progress = progressReporter(tensors, (told) => onProgress({ model: role, ...told }));
  return {
    config,
    facts: {
      label: files.label,
      layers: config.layers,
      parameters: parameterCount(config),
      vocabulary: vocabulary?.length ?? config.vocabSize,
    },
    vocabulary,
    read: async (name) => {
      throwIfAborted(signal);
      const tensor = tensorOf(source, name);
      const data = await source.read(tensor, 0, elementsOf(tensor.shape));
      progress(tensor.file, tensor.bytes);
      // As the checks have found, there is no other type.
      return convertTensor(data, tensor.dtype as TensorDtype, "f32").bytes;
    },
  };
}

/** By the name that it has in a text model alone; beside a vision tower it has another, older or newer. */
function tensorOf({ tensors }: TensorStore, name: string): LocatedTensor {
  const beside = [`language_model.${name}`, name.replace(/^model\./, "model.language_model.")];
  return [name, ...beside].map((one) => tensors.get(one)).find((one) => one !== undefined)!;
}

/** @throws CoppiceError `device-unsupported` before anything large is downloaded. */
function checkSize(outlines: readonly Outline[]): void {
  const bytes = outlines.reduce((sum, { config }) => sum + 4 * parameterCount(config), 0);
  if (bytes <= MOST_WEIGHT_BYTES) return;
  const size = (count: number): string => `${(count / 2 ** 30).toFixed(1)} GiB`;
  throw new CoppiceError(
    "device-unsupported",
    `The weights take ${size(bytes)} as f32; the fallback, on device "wasm", has room for ${size(MOST_WEIGHT_BYTES)}.`,
    "Use a browser with WebGPU, or a smaller model.",
  );
}

/** The folder beside the worker's, or one that the page names. */
function filesAt(folder: string | undefined): FallbackFiles {
  // Each in one piece, for bundlers to find and copy; this build's own is told to leave them alone.
  const script = folder
    ? `${folder}ort.js`
    : new URL(/* @vite-ignore */ "../fallback/ort.js", import.meta.url).href;
  const wasm = folder
    ? `${folder}ort-wasm-simd-threaded.wasm`
    : new URL(/* @vite-ignore */ "../fallback/ort-wasm-simd-threaded.wasm", import.meta.url).href;
  return {
    wasm,
    script: () =>
      import(/* @vite-ignore */ /* webpackIgnore: true */ script) as Promise<FallbackScript>,
  };
}

function scriptMissing(cause: unknown): never {
  throw new CoppiceError(
    "fallback-failed",
    `The fallback's script cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}.`,
    "Serve the package's dist folder whole, or set fallbackUrl to the folder that has ort.js, and allow it in script-src.",
    { cause },
  );
}
