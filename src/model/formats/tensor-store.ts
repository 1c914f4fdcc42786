/** The tensors of a model, whatever format its files have: one name, one shape, one order of elements. */
import { CoppiceError } from "../../errors.ts";

/**
 * Element types that `read` gives. Of the two block types each block is 32 elements along a row:
 *
 * - `Q8`, 36 bytes: f32 scale, then 32 int8; element = scale * int8.
 * - `Q4`, 24 bytes: f32 scale, u32 zero point (0..15), 16 bytes of nibbles, element 2i in the low half of
 *   byte i; element = scale * (nibble - zero point).
 *
 * All of it little-endian.
 */
export type TensorDtype = "F32" | "F16" | "BF16" | "Q8" | "Q4";

/** Elements that cannot be told apart in a file, and the bytes they take together. */
export interface DtypeLayout {
  readonly elements: number;
  readonly bytes: number;
}

export const DTYPE_LAYOUT: Readonly<Record<TensorDtype, DtypeLayout>> = {
  F32: { elements: 1, bytes: 4 },
  F16: { elements: 1, bytes: 2 },
  BF16: { elements: 1, bytes: 2 },
  Q8: { elements: 32, bytes: 36 },
  Q4: { elements: 32, bytes: 24 },
};

export function isTensorDtype(dtype: string): dtype is TensorDtype {
  return Object.hasOwn(DTYPE_LAYOUT, dtype);
}

/** One tensor and where it lies. */
export interface LocatedTensor {
  /** As Hugging Face's transformers calls it: `model.layers.0.self_attn.q_proj.weight`. */
  readonly name: string;
  /** What `read` gives. Another text than a `TensorDtype` is a type that cannot be read. */
  readonly dtype: string;
  /** Rows first: `[out, in]` for a matrix, in elements. */
  readonly shape: readonly number[];
  /** The file that holds it, for progress. */
  readonly file: string;
  /** Bytes that it takes in its file or files. */
  readonly bytes: number;
  /** True for F32 that was made of blocks with fewer bits: a narrower type on the GPU costs it little. */
  readonly widened?: boolean;
}

/** Reads tensors, at best in the order of `tensors`. Holds at most one of them in memory. */
export interface TensorStore {
  /** In file order, by name. */
  readonly tensors: ReadonlyMap<string, LocatedTensor>;
  /** True where the file has an output head of its own, whatever config.json says of ties. */
  readonly ownHead?: boolean;
  /**
   * Elements `from` to before `to` of a tensor, row after row, as its `dtype` lays them out; for block types both
   * are multiples of 32 (`to` may be the tensor's end). What comes back may be a view, and must not be written to.
   * @throws CoppiceError `weights-invalid`, `network`, `aborted`, `file-missing`.
   */
  read(tensor: LocatedTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>>;
  dispose(): void;
}

/** Bytes of `elements` elements, as `read` gives them. */
export function bytesOf(dtype: TensorDtype, elements: number): number {
  const layout = DTYPE_LAYOUT[dtype];
  return (elements / layout.elements) * layout.bytes;
}

/** The product of a shape; NaN where it is no safe whole number. */
export function elementsOf(shape: readonly number[]): number {
  const product = shape.reduce((all, n) => all * n, 1);
  return Number.isSafeInteger(product) ? product : Number.NaN;
}

/** `weights-invalid` about a file. */
export function invalid(
  file: string,
  problem: string,
  fix = "Download the file again, or convert the model again.",
): CoppiceError {
  return new CoppiceError("weights-invalid", `${file} ${problem}.`, fix);
}
