/** The two block types that `TensorStore.read` gives, as plain numbers. */
import { DTYPE_LAYOUT } from "./tensor-store.ts";

/** f32 of whole `Q8` or `Q4` blocks, as bytes. Exact but for the one rounding of each product. */
export function widenBlocks(
  bytes: Uint8Array<ArrayBuffer>,
  dtype: "Q8" | "Q4",
): Uint8Array<ArrayBuffer> {
  const { bytes: size, elements } = DTYPE_LAYOUT[dtype];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const out = new Float32Array((bytes.length / size) * elements);
  let next = 0;
  for (let at = 0; at + size <= bytes.length; at += size) {
    const scale = view.getFloat32(at, true);
    if (dtype === "Q8") {
      for (let i = 4; i < size; i++) out[next++] = scale * view.getInt8(at + i);
      continue;
    }
    const zero = view.getUint32(at + 4, true);
    for (let i = 8; i < size; i++) {
      const pair = bytes[at + i]!;
      out[next++] = scale * ((pair & 15) - zero);
      out[next++] = scale * ((pair >> 4) - zero);
    }
  }
  return new Uint8Array(out.buffer);
}
