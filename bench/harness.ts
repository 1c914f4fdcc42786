// Times variants of a kernel side by side on the adapter of the running Vitest project. Rounds are
// interleaved, so that what disturbs one variant disturbs all, and each variant's best round counts.
import { bench } from "vitest";
import { Recording, type BoundKernel, type Gpu, type Grid } from "../src/gpu/index.ts";
import { adapterName } from "../tests/setup/gpu.ts";
import { withGpu } from "../tests/support/shared-gpu.ts";

/** True on SwiftShader and lavapipe: sizes are small, and times show regressions but no speed. */
export const software = adapterName === "swiftshader" || adapterName === "lavapipe";

/** Buffers per variant: dispatches take turns, so that weights come from memory and not from a cache. */
const COPIES = software ? 1 : 16;
const DISPATCHES = software ? 4 : 64;
const ROUNDS = software ? 5 : 40;

/**
 * One way to run the kernel. `prepare` is called once per copy, each time with fresh buffers. A kernel that overwrites
 * what it reads gives back how to restore it; it is restored before every round, and each copy then runs once.
 */
export interface Variant {
  readonly name: string;
  /** Bytes that a dispatch must read or write at least. */
  readonly bytes: number;
  prepare(gpu: Gpu): Promise<readonly [kernel: BoundKernel, grid: Grid, restore?: () => void]>;
}

/**
 * Registers one bench that prints a table; ratios are to the first variant. Vitest calls it more than once
 * and prints a line of its own; the work is done at the first call, and that line says nothing.
 */
export function benchKernel(kernel: string, variants: readonly Variant[]): void {
  let done: Promise<void> | undefined;
  const once = { iterations: 1, warmupIterations: 0, time: 0, warmupTime: 0 };
  bench(kernel, () => (done ??= withGpu((gpu) => run(gpu, kernel, variants))), once);
}

async function run(gpu: Gpu, kernel: string, variants: readonly Variant[]): Promise<void> {
  const runs: { recording: Recording; count: number; restore: () => void }[] = [];
  for (const variant of variants) {
    const copies = [];
    for (let copy = 0; copy < COPIES; copy++) copies.push(await variant.prepare(gpu));
    const restores = copies.flatMap(([, , restore]) => restore ?? []);
    const count = restores.length > 0 ? COPIES : DISPATCHES;
    const recording = new Recording();
    for (let i = 0; i < count; i++) {
      const [kernel, grid] = copies[i % COPIES]!;
      recording.dispatch(kernel, grid);
    }
    runs.push({ recording, count, restore: () => restores.forEach((restore) => restore()) });
  }
  const best = runs.map(() => Infinity);
  // The first round compiles and warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [i, { recording, restore }] of runs.entries()) {
      restore();
      await gpu.device.queue.onSubmittedWorkDone();
      const start = performance.now();
      gpu.submit(await recording.ready());
      await gpu.device.queue.onSubmittedWorkDone();
      if (round > 0) best[i] = Math.min(best[i]!, performance.now() - start);
    }
  }
  print(
    gpu,
    kernel,
    variants,
    best.map((time, i) => time / runs[i]!.count),
  );
}

/** `times` in ms per dispatch. */
function print(
  gpu: Gpu,
  kernel: string,
  variants: readonly Variant[],
  times: readonly number[],
): void {
  const { description, architecture } = gpu.adapter;
  const note = software ? ": a software adapter, its times are no measure of speed" : "";
  const width = Math.max(...variants.map((variant) => variant.name.length));
  const lines = variants.map(({ name, bytes }, i) => {
    const time = times[i]!;
    const ratio = `x${(time / times[0]!).toFixed(2)}`;
    const speed = software ? "" : `  ${(bytes / time / 1e6).toFixed(1)} GB/s`;
    return `  ${name.padEnd(width)}  ${(time * 1000).toFixed(1).padStart(9)} us  ${ratio}${speed}`;
  });
  console.log([`${kernel} on ${description || architecture}${note}`, ...lines].join("\n"));
}
