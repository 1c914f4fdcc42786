/** The library's only `mapAsync`: so the number of round trips to the GPU is the number of calls here. */
import type { BufferSlice } from "./buffers.ts";
import type { ReadbackRequest } from "./recording.ts";

const MAP_READ_COPY_DST = 0x01 | 0x08;

/** A staging buffer that grows as needed and is used by one readback at a time. */
export class Staging {
  readonly #device: GPUDevice;
  #buffer: GPUBuffer | undefined;

  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes held now. */
  get bytes(): number {
    return this.#buffer?.size ?? 0;
  }

  /** Records the copies of `slices` into the staging buffer, packed one after another. */
  copy(encoder: GPUCommandEncoder, slices: ReadbackRequest): GPUBuffer {
    const bytes = slices.reduce((sum, slice) => sum + slice.size, 0);
    if (!this.#buffer || this.#buffer.size < bytes) {
      this.#buffer?.destroy();
      this.#buffer = this.#device.createBuffer({
        label: "staging",
        size: Math.max(4096, bytes),
        usage: MAP_READ_COPY_DST,
      });
    }
    let at = 0;
    for (const { buffer, offset, size } of slices) {
      encoder.copyBufferToBuffer(buffer, offset, this.#buffer, at, size);
      at += size;
    }
    return this.#buffer;
  }

  dispose(): void {
    this.#buffer?.destroy();
    this.#buffer = undefined;
  }
}

/** Milliseconds between nudges: browsers' timers are seldom faster. */
const NUDGE_INTERVAL = 4;

/**
 * Maps what `Staging.copy` packed and returns each slice's bytes as its own buffer. `nudge` is called every few
 * milliseconds until that is done.
 */
export async function mapStaging(
  staging: GPUBuffer,
  slices: readonly BufferSlice[],
  nudge?: () => void,
): Promise<ArrayBuffer[]> {
  const bytes = slices.reduce((sum, slice) => sum + slice.size, 0);
  const mapped = staging.mapAsync(0x01, 0, bytes); // GPUMapMode.READ
  const timer = nudge && setInterval(nudge, NUDGE_INTERVAL);
  try {
    await mapped;
  } finally {
    clearInterval(timer);
  }
  const all = staging.getMappedRange(0, bytes).slice(0);
  staging.unmap();
  let at = 0;
  return slices.map(({ size }) => all.slice(at, (at += size)));
}
