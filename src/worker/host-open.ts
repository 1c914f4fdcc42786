/** Opens an engine where it can run: on WebGPU, or on the fallback. */
import type { ResolvedLoad } from "../decoder/load-options.ts";
import { CoppiceError } from "../errors.ts";
import type { EngineBackend, LoadHooks, OpenBackend } from "./host-backend.ts";
import { openGpuBackend } from "./host-engine.ts";
import { openFallbackBackend } from "./host-fallback.ts";
import { sourceOptions } from "./host-files.ts";
import { isUnknownArchitecture } from "./host-onnx.ts";

export const openBackend: OpenBackend = async (options: ResolvedLoad, hooks: LoadHooks) => {
  const warnings = new Set<string>();
  const isRemote = [options.target, options.draft].some((each) => typeof each?.model === "string");
  const sources = isRemote ? await sourceOptions(options, (words) => warnings.add(words)) : {};
  const backend = await openWhere(options, { ...hooks, sources, tokenizer: options.tokenizer });
  if (backend.facts.device === "wasm") {
    for (const words of unusedOnFallback(options)) warnings.add(words);
  }
  if (warnings.size === 0) return backend;
  return Object.assign(backend, { facts: { ...backend.facts, warnings: [...warnings] } });
};

async function openWhere(options: ResolvedLoad, hooks: LoadHooks): Promise<EngineBackend> {
  if (options.device === "wasm") {
    return openFallbackBackend(options, hooks, 'The engine was loaded with device "wasm".');
  }
  try {
    return await openGpuBackend(options, hooks);
  } catch (error) {
    const isMissing = CoppiceError.isInstance(error) && error.code === "adapter-missing";
    if (options.device === "webgpu" || !(isMissing || isUnknownArchitecture(error))) throw error;
    return openFallbackBackend(options, hooks, error.message);
  }
}

/** What was asked for and has no say there. */
export function unusedOnFallback({ target, draft }: ResolvedLoad): string[] {
  const dtypes = new Set([target.dtype, draft?.dtype ?? "auto"]);
  return [...dtypes]
    .filter((dtype) => dtype !== "auto" && dtype !== "f32")
    .map((dtype) => `The fallback computes in f32: dtype "${dtype}" has no say there.`);
}
