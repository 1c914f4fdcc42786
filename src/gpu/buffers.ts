/** Owned GPU buffers: every byte has a label, and a scope frees all it made. */
import { CoppiceError } from "../errors.ts";

/** A whole buffer or a slice of one; `offset` and `size` in bytes, `offset` a multiple of 256. */
export interface BufferSlice {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly size: number;
}

const UNIFORM_BLOCK_BYTES = 64 * 1024;
const STORAGE = 0x80 | 0x08 | 0x04; // STORAGE | COPY_DST | COPY_SRC; the constants are absent outside browsers
const UNIFORM = 0x40 | 0x08; // UNIFORM | COPY_DST

/**
 * Allocates buffers and counts their bytes; `dispose` destroys them all. A scope may have children
 * (a model's weights, a session's cache), each disposed alone or with its parent.
 */
export class BufferScope {
  readonly label: string;
  readonly #device: GPUDevice;
  readonly #parent: BufferScope | undefined;
  readonly #counts: boolean;
  readonly #children = new Set<BufferScope>();
  readonly #buffers = new Set<GPUBuffer>();
  #uniforms: { buffer: GPUBuffer; used: number } | undefined;

  /** `counts`: allocates nothing (`countingScope`). */
  constructor(device: GPUDevice, label: string, parent?: BufferScope, counts = false) {
    this.#counts = counts;
    this.#device = device;
    this.label = label;
    this.#parent = parent;
  }

  /** A scope that is freed with this one, or earlier by its own `dispose`. */
  child(label: string): BufferScope {
    const scope = new BufferScope(this.#device, `${this.label}/${label}`, this, this.#counts);
    this.#children.add(scope);
    return scope;
  }

  /** A zeroed storage buffer of `bytes` (rounded up to 16), usable as copy source and destination. */
  storage(label: string, bytes: number): BufferSlice {
    const size = Math.max(16, Math.ceil(bytes / 16) * 16);
    const limit = Math.min(
      this.#device.limits.maxStorageBufferBindingSize,
      this.#device.limits.maxBufferSize,
    );
    if (size > limit) {
      throw new CoppiceError(
        "buffer-too-large",
        `"${this.label}/${label}" needs ${size} bytes in one buffer; this GPU allows ${limit}.`,
        'Use a smaller model, a shorter contextLength or dtype "q4".',
      );
    }
    return { buffer: this.#create(label, size, STORAGE), offset: 0, size };
  }

  /** A storage buffer holding `data`. */
  upload(label: string, data: ArrayBufferView<ArrayBuffer>): BufferSlice {
    const slice = this.storage(label, data.byteLength);
    this.#device.queue.writeBuffer(slice.buffer, 0, data.buffer, data.byteOffset, data.byteLength);
    return slice;
  }

  /** A storage buffer of `bytes` holding what `make` gives, which is not asked for where buffers only count. */
  fill(label: string, bytes: number, make: () => ArrayBufferView<ArrayBuffer>): BufferSlice {
    const slice = this.storage(label, bytes);
    if (!this.#counts) this.write(slice, 0, make());
    return slice;
  }

  /** A uniform slice holding `data`; many share one buffer, at the 256-byte alignment WebGPU asks for. */
  uniform(data: ArrayBuffer): BufferSlice {
    const step = Math.ceil(data.byteLength / 256) * 256;
    if (!this.#uniforms || this.#uniforms.used + step > UNIFORM_BLOCK_BYTES) {
      this.#uniforms = { buffer: this.#create("uniforms", UNIFORM_BLOCK_BYTES, UNIFORM), used: 0 };
    }
    const { buffer, used } = this.#uniforms;
    this.#device.queue.writeBuffer(buffer, used, data);
    this.#uniforms.used += step;
    return { buffer, offset: used, size: data.byteLength };
  }

  /** Overwrites part of a slice; `byteOffset` counts from the slice's start, a multiple of 4. */
  write(target: BufferSlice, byteOffset: number, data: ArrayBufferView<ArrayBuffer>): void {
    this.#device.queue.writeBuffer(
      target.buffer,
      target.offset + byteOffset,
      data.buffer,
      data.byteOffset,
      data.byteLength,
    );
  }

  /** Bytes held now by this scope and its children. */
  get bytes(): number {
    let total = 0;
    for (const buffer of this.#buffers) total += buffer.size;
    for (const scope of this.#children) total += scope.bytes;
    return total;
  }

  dispose(): void {
    for (const scope of [...this.#children]) scope.dispose();
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#uniforms = undefined;
    if (this.#parent) this.#parent.#children.delete(this);
  }

  #create(label: string, size: number, usage: number): GPUBuffer {
    const buffer = this.#device.createBuffer({ label: `${this.label}/${label}`, size, usage });
    this.#buffers.add(buffer);
    return buffer;
  }
}
