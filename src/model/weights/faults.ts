/** Weights that a type cannot hold, as errors: found while they are uploaded, or when the GPU has quantised them. */
import { CoppiceError } from "../../errors.ts";
import { BLOCK } from "../../kernels/index.ts";
import { elementsOf, type TensorDtype, type TensorStore } from "../formats/tensor-store.ts";
import { convertTensor } from "./convert.ts";
import type { Quantiser } from "./quantiser.ts";

export function doesNotFit(tensor: string, value: number): CoppiceError {
  return new CoppiceError(
    "tensor-invalid",
    `Tensor "${tensor}" holds ${value}, which f16 cannot (it ends at 65,504).`,
    'Load with dtype "auto" or "f32".',
  );
}

/** Throws where a weight that was quantised is none, with what it is. */
export async function checkQuantised(quantiser: Quantiser, source: TensorStore): Promise<void> {
  const fault = await quantiser.fault();
  if (!fault) return;
  const tensor = source.tensors.get(fault.tensor)!;
  const first = fault.index - (fault.index % BLOCK);
  const last = Math.min(first + BLOCK, elementsOf(tensor.shape));
  const bytes = await source.read(tensor, first, last);
  const { bytes: wide } = convertTensor(bytes, tensor.dtype as TensorDtype, "f32");
  const value = new DataView(wide.buffer, wide.byteOffset).getFloat32(
    (fault.index - first) * 4,
    true,
  );
  if (Number.isFinite(value)) {
    throw new CoppiceError(
      "tensor-invalid",
      `Tensor "${tensor.name}" holds ${value}, too large for a block of weights with an f16 scale.`,
      'Load with dtype "auto" or "f32".',
    );
  }
  throw notFinite(tensor.name, fault.index);
}

export function notFinite(tensor: string, index: number): CoppiceError {
  return new CoppiceError(
    "tensor-invalid",
    `Tensor "${tensor}" has weights that are not finite, at index ${index} or in its block of 32.`,
    "Download the model again; if that does not help, its file is broken.",
  );
}
