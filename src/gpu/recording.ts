/** A recording: GPU commands as data, made once and replayed every round in one submission. */
import type { BufferSlice } from "./buffers.ts";
import type { BoundKernel } from "./kernel.ts";

/** Workgroup counts in x, y, z. */
export type Grid = readonly [x: number, y?: number, z?: number];

export interface Dispatch {
  readonly kernel: BoundKernel;
  readonly grid: Grid;
}

/** A list of dispatches in order; each sees the writes of those before it. */
export class Recording {
  readonly dispatches: Dispatch[] = [];

  dispatch(kernel: BoundKernel, grid: Grid): void {
    this.dispatches.push({ kernel, grid });
  }

  append(other: Recording): void {
    this.dispatches.push(...other.dispatches);
  }

  /** Dispatches per kernel name. */
  count(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { kernel } of this.dispatches) counts[kernel.name] = (counts[kernel.name] ?? 0) + 1;
    return counts;
  }

  /** Writes the commands into one compute pass. */
  encode(encoder: GPUCommandEncoder): void {
    if (this.dispatches.length === 0) return;
    const pass = encoder.beginComputePass();
    for (const { kernel, grid } of this.dispatches) {
      pass.setPipeline(kernel.pipeline);
      pass.setBindGroup(0, kernel.bindGroup);
      pass.dispatchWorkgroups(grid[0], grid[1] ?? 1, grid[2] ?? 1);
    }
    pass.end();
  }
}

/** Slices to read back after a submission, in the order they are returned. */
export type ReadbackRequest = readonly BufferSlice[];
