/** How long a round trip to the GPU takes on this device, and whether it takes less when the queue is nudged. */
import type { Gpu } from "./gpu.ts";

/** Milliseconds from which a round trip is too long to be the GPU's doing. */
const LONG = 20;
const TRIPS = 5;

/**
 * Measures round trips without work, in milliseconds. Where they are long, tries them with nudges (`Gpu.nudges`), which
 * stay on if that at least halves the time.
 */
export async function measureRoundTrip(gpu: Gpu): Promise<number> {
  gpu.nudges = false;
  const quiet = await medianTrip(gpu);
  if (quiet < LONG) return quiet;
  gpu.nudges = true;
  const nudged = await medianTrip(gpu);
  gpu.nudges = nudged < quiet / 2;
  return gpu.nudges ? nudged : quiet;
}

/** Not the shortest: a browser that looks for finished work now and then may happen to look just after one ended. */
async function medianTrip(gpu: Gpu): Promise<number> {
  const scope = gpu.buffers.child("round trip");
  const slice = scope.storage("nothing", 16);
  const times: number[] = [];
  for (let i = 0; i < TRIPS; i++) {
    const started = performance.now();
    await gpu.submitAndRead([], [slice]);
    times.push(performance.now() - started);
  }
  scope.dispose();
  return times.sort((a, b) => a - b)[(TRIPS - 1) / 2]!;
}
