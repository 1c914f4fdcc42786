// The fixture of every GPU test: it owns the device and its error scopes, so that a test which
// provokes a stray WebGPU error fails even where its numbers happen to be right.
import { requestAdapter } from "./dawn.ts";

const WANTED_FEATURES = ["shader-f16", "subgroups", "timestamp-query"] as const;

const WANTED_LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;

const ERROR_SCOPES = ["validation", "out-of-memory", "internal"] as const;

export interface DeviceOptions {
  /** Exactly these features. Default: all that Coppice can use and this adapter has. */
  features?: readonly GPUFeatureName[];
}

const probe = await requestAdapter();

/** The adapter under test, for titles and messages: "swiftshader", "lavapipe" or "hardware". */
export const adapterName: string = process.env["COPPICE_ADAPTER"] ?? probe.info.architecture;

/** The features, of those Coppice can use, that this adapter has; for `test.runIf`. */
export const adapterFeatures: ReadonlySet<GPUFeatureName> = new Set(
  WANTED_FEATURES.filter((feature) => probe.features.has(feature)),
);

/** A device as the library asks for it. The caller destroys it; `withDevice` does so by itself. */
export async function requestDevice(options: DeviceOptions = {}): Promise<GPUDevice> {
  const adapter = await requestAdapter();
  return adapter.requestDevice({
    requiredFeatures: [...(options.features ?? adapterFeatures)],
    requiredLimits: Object.fromEntries(WANTED_LIMITS.map((name) => [name, adapter.limits[name]])),
  });
}

/** Runs `body` on a fresh device, and fails on any WebGPU error that it left behind. */
export async function withDevice<T>(
  body: (device: GPUDevice) => Promise<T> | T,
  options: DeviceOptions = {},
): Promise<T> {
  const device = await requestDevice(options);
  const stray: string[] = [];
  device.addEventListener("uncapturederror", (event) => stray.push(event.error.message));
  void device.lost.then((info) => {
    if (info.reason !== "destroyed") stray.push(`device lost: ${info.message}`);
  });
  for (const scope of ERROR_SCOPES) device.pushErrorScope(scope);
  try {
    const result = await body(device);
    stray.push(...(await popErrors(device)));
    if (stray.length > 0) throw new Error(`WebGPU errors on ${adapterName}:\n${stray.join("\n")}`);
    return result;
  } catch (error) {
    // The body's own failure is often the consequence of a WebGPU error: show both.
    const errors = await popErrors(device);
    if (errors.length > 0)
      throw new Error(`WebGPU errors:\n${errors.join("\n")}`, { cause: error });
    throw error;
  } finally {
    device.destroy();
  }
}

const popped = new WeakSet<GPUDevice>();

async function popErrors(device: GPUDevice): Promise<string[]> {
  if (popped.has(device)) return [];
  popped.add(device);
  const errors = await Promise.all(ERROR_SCOPES.map(() => device.popErrorScope()));
  return errors.flatMap((error) => (error ? [error.message] : []));
}
