/** Moves tensors from files to their buffers, converting on the way. */
import { throwIfAborted } from "../../errors.ts";
import { BLOCK, isBlockType } from "../../kernels/index.ts";
import type { BlockType, BufferScope, Gpu, WeightType } from "../../kernels/index.ts";
import type { Dtype } from "../../options.ts";
import type { FileProgress } from "../source/types.ts";
import { convertTensor } from "./convert.ts";
import { checkQuantised, doesNotFit, notFinite } from "./faults.ts";
import { packBlocks } from "./pack-blocks.ts";
import { progressReporter } from "./progress.ts";
import { Quantiser } from "./quantiser.ts";
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
 * Fills all buffers, in file order. What it needs besides them is below `scope`, and freed when it is done.
 * @throws CoppiceError `tensor-invalid` where dtype "f16" was asked for and a number does not fit it, or where
 * weights that go into blocks are not finite, or too large.
 */
export async function uploadWeights(
  gpu: Gpu,
  scope: BufferScope,
  source: TensorStore,
  buffers: readonly WeightBuffer[],
  options: UploadOptions,
): Promise<void> {
  const homes = new Map(
    buffers.flatMap((home) => home.plan.parts.map((part) => [part.name, home] as const)),
  );
  const tensors = [...source.tensors.values()].filter((tensor) => homes.has(tensor.name));
  const quantiser = new Quantiser(gpu, scope, tensors.length);
  const uploader = new Uploader(gpu, source, quantiser, options.signal);
  const progress = progressReporter(tensors, options.onProgress);
  for (const [index, tensor] of tensors.entries()) {
    const home = homes.get(tensor.name)!;
    const overflow = await uploader.tensor(tensor, home, (bytes) => progress(tensor.file, bytes));
    if (overflow === undefined) continue;
    if (options.dtype === "f16") throw doesNotFit(tensor.name, overflow);
    // The buffer's earlier tensors lost bits that the wider type keeps, or lie otherwise: read them again.
    home.widen();
    for (const again of tensors.slice(0, index + 1)) {
      if (homes.get(again.name) === home) await uploader.tensor(again, home, () => {});
    }
  }
  await uploader.finish();
  await checkQuantised(quantiser, source);
  quantiser.dispose();
}

/** Elements `first` to before `last` of a tensor, as read. */
interface Piece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly dtype: TensorDtype;
  readonly tensor: string;
  readonly first: number;
  readonly last: number;
}

class Uploader {
  readonly #gpu: Gpu;
  readonly #source: TensorStore;
  readonly #quantiser: Quantiser;
  readonly #signal: AbortSignal | undefined;
  #waiting = 0;

  constructor(
    gpu: Gpu,
    source: TensorStore,
    quantiser: Quantiser,
    signal: AbortSignal | undefined,
  ) {
    this.#gpu = gpu;
    this.#source = source;
    this.#quantiser = quantiser;
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
    // Blocks do not cross rows.
    const { k } = home.plan;
    const step = isBlockType(home.type)
      ? Math.max(k, PIECE_ELEMENTS - (PIECE_ELEMENTS % k))
      : PIECE_ELEMENTS;
    for (let first = 0; first < elements; first += step) {
      throwIfAborted(this.#signal);
      const last = Math.min(elements, first + step);
      const piece = await this.#source.read(tensor, first, last);
      onBytes(reached(last) - reached(first));
      // After a misfit the rest is read on for its bytes only: a file is cheapest in order.
      if (misfit !== undefined) continue;
      const type = home.type;
      misfit = isBlockType(type)
        ? await this.#rows({ bytes: piece, dtype, tensor: tensor.name, first, last }, home, type)
        : this.#elements({ bytes: piece, dtype, tensor: tensor.name, first, last }, home, type);
      await this.#throttle(piece.length);
    }
    return misfit;
  }

  #elements(
    piece: Piece,
    home: WeightBuffer,
    type: Exclude<WeightType, BlockType>,
  ): number | undefined {
    const { bytes, overflow } = convertTensor(piece.bytes, piece.dtype, type);
    if (overflow === undefined)
      home.write(piece.tensor, (piece.first / home.plan.k) * home.rowBytes, bytes);
    return overflow;
  }

  async #rows(piece: Piece, home: WeightBuffer, type: BlockType): Promise<number | undefined> {
    const { bytes, dtype, tensor } = piece;
    const { k } = home.plan;
    const place = { tensor, firstRow: piece.first / k, rows: (piece.last - piece.first) / k };
    const bytewise = type === "q8" || type === "q8-wide";
    if (dtype === "Q4" || (dtype === "Q8" && bytewise)) {
      const { bytes: packed, misfit, fault } = packBlocks(bytes, dtype, type, k);
      if (fault !== undefined) throw notFinite(tensor, piece.first + fault * BLOCK);
      if (misfit === undefined) home.write(tensor, place.firstRow * home.rowBytes, packed);
      return misfit;
    }
    const floats =
      dtype === "Q8"
        ? ({ bytes: convertTensor(bytes, dtype, "f32").bytes, source: "F32" } as const)
        : ({ bytes, source: dtype } as const);
    await this.#quantiser.quantise({ ...place, ...floats }, home, type);
    return undefined;
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
