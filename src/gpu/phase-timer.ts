/** How long the GPU spends on each phase of its recordings, where the device has timestamps. */
import type { BufferSlice } from "./buffers.ts";

/** Milliseconds per phase of one submission. */
export type PhaseTimes = Readonly<Record<string, number>>;

const MOST_PASSES = 256;
const QUERY_RESOLVE = 0x200 | 0x04; // QUERY_RESOLVE | COPY_SRC; the constants are absent outside browsers

/** One submission at a time: `begin`, a descriptor per pass, `resolve`, and `read` once the bytes are back. */
export class PhaseTimer {
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  #phases: string[] = [];

  private constructor(device: GPUDevice) {
    const count = 2 * MOST_PASSES;
    this.#queries = device.createQuerySet({ label: "phases", type: "timestamp", count });
    this.#resolved = device.createBuffer({
      label: "phases",
      size: count * 8,
      usage: QUERY_RESOLVE,
    });
  }

  /** Undefined where the device cannot tell the time. */
  static create(device: GPUDevice): PhaseTimer | undefined {
    return device.features.has("timestamp-query") ? new PhaseTimer(device) : undefined;
  }

  get bytes(): number {
    return this.#resolved.size;
  }

  begin(): void {
    this.#phases = [];
  }

  /** For a pass that belongs to `phase`; those beyond the first 256 of a submission are not timed. */
  pass(phase: string): GPUComputePassDescriptor {
    const at = 2 * this.#phases.length;
    if (this.#phases.length === MOST_PASSES) return {};
    this.#phases.push(phase);
    const querySet = this.#queries;
    return {
      timestampWrites: { querySet, beginningOfPassWriteIndex: at, endOfPassWriteIndex: at + 1 },
    };
  }

  /** Where the times of the submission will stand. */
  resolve(encoder: GPUCommandEncoder): BufferSlice {
    const count = 2 * this.#phases.length;
    if (count > 0) encoder.resolveQuerySet(this.#queries, 0, count, this.#resolved, 0);
    return { buffer: this.#resolved, offset: 0, size: count * 8 };
  }

  read(bytes: ArrayBuffer): PhaseTimes {
    const nanoseconds = new BigUint64Array(bytes);
    const times: Record<string, number> = {};
    this.#phases.forEach((phase, i) => {
      // A clock that was reset in between gives an end before its start.
      const elapsed = Number(nanoseconds[2 * i + 1]! - nanoseconds[2 * i]!) / 1e6;
      times[phase] = (times[phase] ?? 0) + Math.max(0, elapsed);
    });
    return times;
  }

  dispose(): void {
    this.#queries.destroy();
    this.#resolved.destroy();
  }
}
