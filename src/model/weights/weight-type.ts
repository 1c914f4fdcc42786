/** Which type a buffer's weights get on the GPU: what the files hold, and what was asked for. */
import type { WeightType } from "../../kernels/index.ts";
import type { Dtype } from "../../options.ts";
import type { LocatedTensor } from "../formats/tensor-store.ts";

/** The stored types of a buffer's tensors. */
export type StoredTypes = readonly Pick<LocatedTensor, "dtype" | "widened">[];

/**
 * One type for all of a matrix's tensors. `table`: whether it is an embedding or a head, which `"q4"` keeps in eight bits.
 *
 * What is in blocks in the files stays in blocks unless floats were asked for, nibbles as bytes beside bytes. What was made of
 * blocks that the kernels do not have becomes bytes: at most twice the room, and little beside the error that the
 * file's own blocks brought. Blocks beside floats become f32, which holds both exactly.
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
  const isBlocks = ({ dtype }: StoredTypes[number]) => dtype === "Q8" || dtype === "Q4";
  const floats = stored.filter((tensor) => !isBlocks(tensor) && !tensor.widened);
  if (floats.length === 0) return nibbles ? "q4" : "q8";
  const wide = stored.some(isBlocks) || floats.some(({ dtype }) => dtype === "F32");
  return wide ? "f32" : "f16";
}
