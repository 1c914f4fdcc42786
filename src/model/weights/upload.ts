/** Moves tensors from files to their buffers, converting on the way. */
import { CoppiceError, throwIfAborted } from "../../errors.ts";
import type { Gpu } from "../../kernels/index.ts";
import type { Dtype } from "../../options.ts";
import type { FileProgress } from "../source/types.ts";
import { convertTensor } from "./convert.ts";
import type { WeightBuffer } from "./buffer.ts";
import {
  elementsOf,
  type LocatedTensor,
  type TensorDtype,
  type TensorStore,
} from "../formats/tensor-store.ts";

/** Elements read, converted and uploaded at a time. Both in f32 and f16 they end on a word. */
const PIECE_ELEMENTS = 2 ** 20;
/** An upload is a copy in memory until the GPU has taken it; so many bytes may wait. */
const MAX_WAITING_BYTES = 64 * 2 ** 20;

export interface UploadOptions {
  readonly dtype: Dtype;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
}

/**
 * Fills all buffers, in file order.
 * @throws CoppiceError `tensor-invalid` where dtype "f16" was asked for and a number does not fit it.
 */
export async function uploadWeights(
  gpu: Gpu,
  source: TensorStore,
  buffers: readonly WeightBuffer[],
  options: UploadOptions,
): Promise<void> {
  const homes = new Map(
    buffers.flatMap((home) => home.plan.parts.map((part) => [part.name, home] as const)),
  );
  const tensors = [...source.tensors.values()].filter((tensor) => homes.has(tensor.name));
  const uploader = new Uploader(gpu, source, options.signal);
  const progress = progressReporter(tensors, options.onProgress);
  for (const [index, tensor] of tensors.entries()) {
    const home = homes.get(tensor.name)!;
    const overflow = await uploader.tensor(tensor, home, (bytes) => progress(tensor.file, bytes));
    if (overflow === undefined) continue;
    if (options.dtype === "f16") throw doesNotFit(tensor.name, overflow);
    // The buffer's earlier tensors lost bits on the way to f16 that f32 keeps: read them again.
    home.widen();
    for (const again of tensors.slice(0, index + 1)) {
      if (homes.get(again.name) === home) await uploader.tensor(again, home, () => {});
    }
  }
  await uploader.finish();
}

class Uploader {
  readonly #gpu: Gpu;
  readonly #source: TensorStore;
  readonly #signal: AbortSignal | undefined;
  #waiting = 0;

  constructor(gpu: Gpu, source: TensorStore, signal: AbortSignal | undefined) {
    this.#gpu = gpu;
    this.#source = source;
    this.#signal = signal;
  }

  /** Uploads one tensor; returns a number that its buffer's type cannot hold, where there is one. */
  async tensor(
    tensor: LocatedTensor,
    home: WeightBuffer,
    onBytes: (bytes: number) => void,
  ): Promise<number | undefined> {
    const dtype = tensor.dtype as TensorDtype; // `checkTensors` has let no other pass.
    const elements = elementsOf(tensor.shape);
    // In the file's bytes, which need not be those of what is read.
    const reached = (element: number): number => Math.round((element / elements) * tensor.bytes);
    let misfit: number | undefined;
    for (let first = 0; first < elements; first += PIECE_ELEMENTS) {
      throwIfAborted(this.#signal);
      const last = Math.min(elements, first + PIECE_ELEMENTS);
      const piece = await this.#source.read(tensor, first, last);
      onBytes(reached(last) - reached(first));
      // After a misfit the rest is read on for its bytes only: a file is cheapest in order.
      const { bytes, overflow } = convertTensor(piece, dtype, home.type);
      misfit ??= overflow;
      if (misfit !== undefined) continue;
      home.write(tensor.name, (first / home.plan.k) * home.rowBytes, bytes);
      await this.#throttle(bytes.length);
    }
    return misfit;
  }

  /** Resolves when the GPU has taken everything. */
  async finish(): Promise<void> {
    this.#waiting = 0;
    const { queue } = this.#gpu.device;
    queue.submit([]); // Some browsers hold writes back until a submission.
    await queue.onSubmittedWorkDone();
  }

  async #throttle(bytes: number): Promise<void> {
    this.#waiting += bytes;
    if (this.#waiting > MAX_WAITING_BYTES) await this.finish();
  }
}

/** Adds up bytes per file; the totals count only the tensors that are loaded. */
function progressReporter(
  tensors: readonly LocatedTensor[],
  report: UploadOptions["onProgress"],
): (file: string, bytes: number) => void {
  const totals = new Map<string, number>();
  const loaded = new Map<string, number>();
  for (const { file, bytes } of tensors) totals.set(file, (totals.get(file) ?? 0) + bytes);
  return (file, bytes) => {
    const loadedBytes = (loaded.get(file) ?? 0) + bytes;
    loaded.set(file, loadedBytes);
    report?.({ file, loadedBytes, totalBytes: totals.get(file)! });
  };
}

function doesNotFit(tensor: string, value: number): CoppiceError {
  return new CoppiceError(
    "tensor-invalid",
    `Tensor "${tensor}" holds ${value}, which f16 cannot (it ends at 65,504).`,
    'Load with dtype "auto" or "f32".',
  );
}
