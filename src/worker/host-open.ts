/** Opens an engine where it can run: on WebGPU, or on the fallback. */
import type { ResolvedLoad } from "../decoder/load-options.ts";
import { CoppiceError } from "../errors.ts";
import type { LoadHooks, OpenBackend } from "./host-backend.ts";
import { openGpuBackend } from "./host-engine.ts";
import { openFallbackBackend } from "./host-fallback.ts";
import { isUnknownArchitecture } from "./host-onnx.ts";

export const openBackend: OpenBackend = async (options: ResolvedLoad, hooks: LoadHooks) => {
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
};
