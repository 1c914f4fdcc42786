// Gives Node the WebGPU of a browser (Dawn), on the adapter that the vitest project chose.
import { create, globals } from "webgpu";
import { SLOW_DAWN_FEATURES } from "../../scripts/lib/adapters.mjs";

const missing = `No "${process.env["COPPICE_ADAPTER"]}" adapter. ${process.env["COPPICE_ADAPTER_FIX"]}`;

if (process.env["COPPICE_ADAPTER"] !== "hardware" && !process.env["VK_ICD_FILENAMES"]) {
  throw new Error(missing);
}

// Dawn lives as long as this object, and crashes the process when it is collected too early. Setup
// files run once per test file, so a second run must find the first one's object.
const holder = globalThis as typeof globalThis & { coppiceGpu?: GPU };
if (!holder.coppiceGpu) {
  Object.assign(globalThis, globals);
  holder.coppiceGpu = create([`disable-dawn-features=${SLOW_DAWN_FEATURES}`]);
  Object.defineProperty(globalThis, "navigator", {
    value: { gpu: holder.coppiceGpu, userAgent: "node" },
    configurable: true,
  });
}

/** The WebGPU entry point; `navigator.gpu` is the same object. */
export const gpu: GPU = holder.coppiceGpu;

/** A fresh adapter: WebGPU lets each one give a single device. */
export async function requestAdapter(): Promise<GPUAdapter> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error(`GPU tests never pass by skipping. ${missing}`);
  return adapter;
}
