/** What the worker loads where WebGPU will not do: a script of its own, beside ONNX Runtime's WebAssembly. */
import { env, InferenceSession } from "onnxruntime-web/wasm";
import { CoppiceError } from "../errors.ts";
import type { ModelConfig } from "../model/config.ts";
import type { EngineBackend } from "../worker/host-backend.ts";
import type { ModelFacts } from "../stream-part.ts";
import { FallbackEngine, type FallbackModel, type FallbackParts } from "./engine.ts";
import { GraphModel, type WeightReader } from "./graph-model.ts";
import { OnnxModel } from "./onnx-model.ts";

/** A model of an architecture that a graph can be written for. */
export interface GraphSource {
  readonly config: ModelConfig;
  readonly read: WeightReader;
  readonly facts: ModelFacts;
  /** The only tokens to be drafted; undefined: all. */
  readonly vocabulary: readonly number[] | undefined;
}

/** A model that comes as ONNX. */
export interface OnnxSource {
  readonly onnx: Uint8Array;
  /** Beside it: the file that has its weights, where it does not hold them itself. */
  readonly external: readonly { readonly path: string; readonly data: Uint8Array }[];
  readonly vocabSize: number;
  readonly facts: ModelFacts;
}

export interface FallbackRequest extends Omit<FallbackParts, "target" | "draft" | "version"> {
  /** ONNX Runtime's WebAssembly: its address, or its bytes. */
  readonly wasm: string | ArrayBuffer;
  readonly target: GraphSource | OnnxSource;
  readonly draft: GraphSource | undefined;
}

/** Loads the models. @throws CoppiceError `fallback-failed` where ONNX Runtime cannot. */
export async function openFallback(request: FallbackRequest): Promise<EngineBackend> {
  const { wasm, contextLength, ...rest } = request;
  if (typeof wasm === "string") env.wasm.wasmPaths = { wasm };
  else env.wasm.wasmBinary = wasm;
  env.wasm.numThreads = 1;
  const target = await load(request.target, contextLength);
  try {
    const draft = request.draft && (await load(request.draft, contextLength));
    const version = env.versions.web ?? "";
    return new FallbackEngine({ ...rest, contextLength, target, draft, version });
  } catch (error) {
    await target.model.dispose();
    throw error;
  }
}

async function load(
  source: GraphSource | OnnxSource,
  contextLength: number,
): Promise<FallbackModel> {
  const { facts } = source;
  try {
    if ("config" in source) {
      const model = await GraphModel.create(source.config, contextLength, source.read);
      return { model, facts, rowInvariant: true, vocabulary: source.vocabulary };
    }
    const { onnx, external: externalData, vocabSize } = source;
    const session = await InferenceSession.create(onnx, {
      executionProviders: ["wasm"],
      externalData,
    });
    const bytes = externalData.reduce((sum, { data }) => sum + data.length, onnx.length);
    const model = new OnnxModel(session, { vocabSize, contextLength, bytes });
    return { model, facts, rowInvariant: false };
  } catch (error) {
    throw typed(error);
  }
}

/** ORT's own errors, and the browser's about its WebAssembly. */
function typed(error: unknown): CoppiceError {
  if (CoppiceError.isInstance(error)) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new CoppiceError(
    "fallback-failed",
    `ONNX Runtime cannot run the model: ${reason}`,
    "Serve ort-wasm-simd-threaded.wasm beside ort.js, allow 'wasm-unsafe-eval' in script-src if the page has a content security policy, and use a browser whose WebAssembly has SIMD.",
    { cause: error },
  );
}
