/** Opening a device: adapter, features and limits, or a typed error that says what is missing. */
import { CoppiceError } from "../errors.ts";
import { Gpu } from "./gpu.ts";

const WANTED_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;
const WANTED_LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize"] as const;

export const ADAPTER_WANTED: GPURequestAdapterOptions = { powerPreference: "high-performance" };

/**
 * Opens the browser's preferred GPU. The device gets the adapter's own buffer limits, since models
 * outgrow WebGPU's defaults.
 * @throws CoppiceError `adapter-missing` where WebGPU or an adapter is absent.
 */
export async function openGpu(api: GPU | undefined = globalThis.navigator?.gpu): Promise<Gpu> {
  if (!api) {
    throw new CoppiceError(
      "adapter-missing",
      "This browser has no WebGPU (navigator.gpu is missing).",
      "Use a recent Chrome, Edge, Firefox or Safari over https or localhost, or enable WebGPU in its settings.",
    );
  }
  const adapter = await api.requestAdapter(ADAPTER_WANTED);
  if (!adapter) {
    throw new CoppiceError(
      "adapter-missing",
      "WebGPU is present but offers no adapter.",
      "Turn hardware acceleration on, update the GPU driver, or start the browser with a software adapter.",
    );
  }
  const device = await adapter.requestDevice({
    requiredFeatures: WANTED_FEATURES.filter((name) => adapter.features.has(name)),
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  return new Gpu(device, describe(adapter.info, device));
}

/** The public facts of an adapter and the features its device got. */
export function describe(info: GPUAdapterInfo, device: GPUDevice): Gpu["adapter"] {
  const { vendor, architecture, description } = info;
  const fallback = (info as { isFallbackAdapter?: boolean }).isFallbackAdapter ?? false;
  return {
    vendor,
    architecture,
    device: info.device,
    description,
    fallback,
    features: [...device.features].sort(),
  };
}
