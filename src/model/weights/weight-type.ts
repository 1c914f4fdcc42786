/** Which type a buffer's weights get on the GPU: what the files hold, and what was asked for. */
import type { WeightType } from "../../kernels/index.ts";
import type { Dtype } from "../../options.ts";
import type { LocatedTensor } from "../formats/tensor-store.ts";

/** The stored types of a buffer's tensors. */
export type StoredTypes = readonly Pick<LocatedTensor, "dtype" | "widened">[];

/**
 * One type for all of a matrix's tensors. `table`: whether it is an embedding or a head, which `"q4"` keeps in eight bits.
 *
 * What is in blocks in the files stays in blocks unless floats were asked for, nibbles as bytes beside bytes. Blocks beside
 * floats become floats: f32, which holds both exactly, or f16 where those floats were made of blocks themselves.
 */
export function weightTypeOf(stored: StoredTypes, dtype: Dtype, table: boolean): WeightType {
  const nibbles = stored.every((tensor) => tensor.dtype === "Q4");
  switch (dtype) {
    case "f32":
    case "f16":
      return dtype;
    case "q8":
      return nibbles ? "q4" : "q8";
    case "q4":
      return table && !nibbles ? "q8" : "q4";
    case "auto":
      return ownType(stored, nibbles);
    default:
      return dtype satisfies never;
  }
}

function ownType(stored: StoredTypes, nibbles: boolean): WeightType {
  const inBlocks = stored.filter(({ dtype }) => dtype === "Q8" || dtype === "Q4");
  if (inBlocks.length === stored.length) return nibbles ? "q4" : "q8";
  const exact = stored.filter(({ widened }) => !widened);
  const wide =
    inBlocks.length > 0
      ? exact.length > inBlocks.length
      : exact.some(({ dtype }) => dtype === "F32");
  return wide ? "f32" : "f16";
}
