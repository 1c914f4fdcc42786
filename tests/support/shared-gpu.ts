// One GPU object for all tests of an adapter: a software adapter compiles for seconds, so each pipeline is
// compiled once per process. Buffers are freed after every test, and stray errors fail the test that made them.
import { describe } from "../../src/gpu/device.ts";
import { Gpu } from "../../src/gpu/index.ts";
import { adapterName, requestDevice } from "../setup/gpu.ts";

const ERROR_SCOPES = ["validation", "out-of-memory", "internal"] as const;

interface Shared {
  readonly gpu: Gpu;
  readonly stray: string[];
}

let shared: Promise<Shared> | undefined;

async function open(): Promise<Shared> {
  const device = await requestDevice();
  const stray: string[] = [];
  device.addEventListener("uncapturederror", (event) => stray.push(event.error.message));
  void device.lost.then((info) => {
    stray.push(`device lost (${info.reason}): ${info.message}`);
    shared = undefined;
  });
  return { gpu: new Gpu(device, describe(device.adapterInfo, device)), stray };
}

/** Runs `body` on the shared device; everything it allocates from `gpu.buffers` is freed afterwards. */
export async function withGpu<T>(body: (gpu: Gpu) => Promise<T> | T): Promise<T> {
  shared ??= open();
  const { gpu, stray } = await shared;
  for (const scope of ERROR_SCOPES) gpu.device.pushErrorScope(scope);
  let outcome: { readonly result: T } | { readonly cause: unknown };
  try {
    outcome = { result: await body(gpu) };
  } catch (cause) {
    outcome = { cause };
  }
  const scoped = await Promise.all(ERROR_SCOPES.map(() => gpu.device.popErrorScope()));
  const errors = [...scoped.flatMap((error) => (error ? [error.message] : [])), ...stray.splice(0)];
  gpu.buffers.dispose();
  // The body's own failure is often the consequence of a WebGPU error: show both.
  const options = "cause" in outcome ? outcome : undefined;
  if (errors.length > 0)
    throw new Error(`WebGPU errors on ${adapterName}:\n${errors.join("\n")}`, options);
  if ("cause" in outcome) throw outcome.cause;
  return outcome.result;
}
