/** The part of a ring of records that is read back. */
import type { BufferSlice } from "../model/index.ts";

/** `count` records of `bytes` bytes, from the one at `first` on; `header` bytes stand before the ring. */
export function ringPart(
  ring: BufferSlice,
  first: number,
  count: number,
  bytes: number,
  header = 0,
): BufferSlice {
  return { ...ring, offset: ring.offset + header + first * bytes, size: count * bytes };
}
