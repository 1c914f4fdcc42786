/** Makes blocks of floats on the GPU, a piece of a tensor at a time. */
import {
  type BlockType,
  type BufferScope,
  type BufferSlice,
  type Gpu,
  NO_FAULT,
  quantiseRows,
  quantiseRowsGrid,
  quantiseStatics,
  Recording,
  SOURCE_TYPES,
} from "../../kernels/index.ts";
import type { WeightBuffer } from "./buffer.ts";

export interface QuantisedPiece {
  /** Whole rows as they are stored. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly source: keyof typeof SOURCE_TYPES;
  readonly rows: number;
  /** The first row, counted in the tensor. */
  readonly firstRow: number;
  readonly tensor: string;
}

export class Quantiser {
  readonly #gpu: Gpu;
  readonly #scope: BufferScope;
  /** The tensors seen, by their places in `faults`. */
  readonly #slots = new Map<string, number>();
  readonly #faults: BufferSlice;
  #staging: { readonly scope: BufferScope; readonly slice: BufferSlice } | undefined;

  /** For at most `tensors` tensors; what it allocates is in a scope of its own below `parent`. */
  constructor(gpu: Gpu, parent: BufferScope, tensors: number) {
    this.#gpu = gpu;
    this.#scope = parent.child("quantiser");
    this.#faults = this.#scope.upload("faults", new Uint32Array(tensors).fill(NO_FAULT));
  }

  /** Submits the work; queued writes and submissions run in order, so one staging buffer serves all pieces. */
  async quantise(piece: QuantisedPiece, home: WeightBuffer, type: BlockType): Promise<void> {
    const { tensor, rows, firstRow } = piece;
    const slot = this.#slots.get(tensor) ?? this.#slots.size;
    this.#slots.set(tensor, slot);
    const source = this.#room(piece.bytes.length);
    this.#scope.write(source, 0, piece.bytes);
    const statics = quantiseStatics(type);
    const pipeline = this.#gpu.kernels.compile(quantiseRows, { statics });
    const { k } = home.plan;
    const recording = new Recording();
    recording.dispatch(
      pipeline.bind(
        this.#scope,
        { source, w: home.matrix.slice, faults: this.#faults },
        {
          rows,
          k,
          first_row: home.firstRow(tensor) + firstRow,
          tensor_row: firstRow,
          source: SOURCE_TYPES[piece.source],
          slot,
        },
      ),
      quantiseRowsGrid(rows, k),
    );
    this.#gpu.submit(await recording.ready());
  }

  /** The first weight that blocks cannot hold, by its index in its tensor; waits for all that was submitted. */
  async fault(): Promise<{ readonly tensor: string; readonly index: number } | undefined> {
    if (this.#slots.size === 0) return undefined;
    const [data] = await this.#gpu.submitAndRead([], [this.#faults]);
    const faults = new Uint32Array(data!);
    for (const [tensor, slot] of this.#slots) {
      if (faults[slot] !== NO_FAULT) return { tensor, index: faults[slot]! };
    }
    return undefined;
  }

  /** Frees what it allocated. */
  dispose(): void {
    this.#scope.dispose();
  }

  #room(bytes: number): BufferSlice {
    if (this.#staging && this.#staging.slice.size >= bytes) return this.#staging.slice;
    this.#staging?.scope.dispose();
    const scope = this.#scope.child("staging");
    this.#staging = { scope, slice: scope.storage("piece", bytes) };
    return this.#staging.slice;
  }
}
