/** A recording: GPU commands as data, made once and replayed every round in one submission. */
import { CoppiceError } from "../errors.ts";
import type { BufferSlice } from "./buffers.ts";
import type { BoundKernel } from "./kernel.ts";
import type { PhaseTimer } from "./phase-timer.ts";

/** Workgroup counts in x, y, z. */
export type Grid = readonly [x: number, y?: number, z?: number];

export interface Dispatch {
  readonly kernel: BoundKernel;
  readonly grid: Grid;
  /** What its time is counted under. */
  readonly phase: string;
}

/** A list of dispatches in order; each sees the writes of those before it. */
export class Recording {
  readonly dispatches: Dispatch[] = [];
  /** The phase of what is added from now on. */
  phase = "";
  #isReady = false;

  dispatch(kernel: BoundKernel, grid: Grid): void {
    this.#isReady = false;
    this.dispatches.push({ kernel, grid, phase: this.phase });
  }

  /** Whether all its kernels are compiled. */
  get isReady(): boolean {
    this.#isReady ||= this.dispatches.every(({ kernel }) => kernel.compilation.pipeline);
    return this.#isReady;
  }

  /** Waits for the device to have compiled all its kernels. @throws CoppiceError `shader-invalid`, `device-lost`. */
  async ready(): Promise<this> {
    if (!this.isReady) {
      await Promise.all(new Set(this.dispatches.map(({ kernel }) => kernel.compilation.done)));
    }
    return this;
  }

  /** Adds the other's dispatches to the phase of this one. */
  append(other: Recording): void {
    for (const { kernel, grid } of other.dispatches) this.dispatch(kernel, grid);
  }

  /** Dispatches per kernel name. */
  count(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { kernel } of this.dispatches) counts[kernel.name] = (counts[kernel.name] ?? 0) + 1;
    return counts;
  }

  /** Writes the commands into one compute pass, or with a timer into one per phase. */
  encode(encoder: GPUCommandEncoder, timer?: PhaseTimer): void {
    let pass: GPUComputePassEncoder | undefined;
    let phase: string | undefined;
    for (const dispatch of this.dispatches) {
      if (!pass || (timer && dispatch.phase !== phase)) {
        pass?.end();
        pass = encoder.beginComputePass(timer?.pass(dispatch.phase));
        phase = dispatch.phase;
      }
      const { kernel, grid } = dispatch;
      pass.setPipeline(pipelineOf(kernel));
      pass.setBindGroup(0, kernel.bindGroup);
      pass.dispatchWorkgroups(grid[0], grid[1] ?? 1, grid[2] ?? 1);
    }
    pass?.end();
  }
}

function pipelineOf({ name, compilation }: BoundKernel): GPUComputePipeline {
  if (compilation.pipeline) return compilation.pipeline;
  throw new CoppiceError(
    "internal",
    `${name} is dispatched before it is compiled.`,
    "Await the recording's ready() first.",
  );
}

/** Slices to read back after a submission, in the order they are returned. */
export type ReadbackRequest = readonly BufferSlice[];
