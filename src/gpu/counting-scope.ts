/** What a device would be asked for, without one. */
import { BufferScope } from "./buffers.ts";

/** The limits of a device that decide whether a buffer is possible, in bytes. */
export type BufferLimits = Pick<
  GPUSupportedLimits,
  "maxBufferSize" | "maxStorageBufferBindingSize"
>;

/** What no device exceeds. */
export const NO_LIMITS: BufferLimits = {
  maxBufferSize: Infinity,
  maxStorageBufferBindingSize: Infinity,
};

/**
 * A scope that counts and refuses as one on a device of these limits would, and allocates nothing: the very code that allocates
 * says beforehand what it will take.
 */
export function countingScope(limits: BufferLimits): BufferScope {
  const device = {
    limits,
    queue: { writeBuffer: () => undefined },
    createBuffer: ({ size }: GPUBufferDescriptor) => ({ size, destroy: () => undefined }),
  };
  // Of a device, a scope uses nothing else.
  return new BufferScope(device as unknown as GPUDevice, "coppice", undefined, true);
}
