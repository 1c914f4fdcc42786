/** One buffer of weights while it is filled: a matrix stacked from tensors, or a norm's gain. */
import { weightRowBytes } from "../../kernels/index.ts";
import type { BufferScope, BufferSlice, WeightType } from "../../kernels/index.ts";
import type { BufferPlan } from "./plan.ts";

/** A weight matrix `[cols, k]`, row-major: one row per output feature. */
export interface WeightMatrix {
  readonly slice: BufferSlice;
  readonly type: WeightType;
  /** Output features. */
  readonly cols: number;
  /** Input features. */
  readonly k: number;
}

/** What holds all that a type does, and the numbers that did not fit it. */
const WIDER: Readonly<Record<WeightType, WeightType>> = {
  f16: "f32",
  q8: "q8-wide",
  q4: "q4-wide",
  f32: "f32",
  "q8-wide": "f32",
  "q4-wide": "f32",
};

export class WeightBuffer {
  readonly plan: BufferPlan;
  readonly #parent: BufferScope;
  #scope: BufferScope;
  #slice: BufferSlice;
  #type: WeightType;

  constructor(parent: BufferScope, plan: BufferPlan, type: WeightType) {
    this.plan = plan;
    this.#parent = parent;
    this.#type = type;
    // A scope of its own, so that `widen` can free the buffer alone.
    this.#scope = parent.child(plan.label);
    this.#slice = this.#allocate();
  }

  get type(): WeightType {
    return this.#type;
  }

  /** What is on the GPU; to be asked for when all is uploaded. */
  get matrix(): WeightMatrix {
    return { slice: this.#slice, type: this.#type, cols: this.#rows, k: this.plan.k };
  }

  /** Replaces the buffer by an empty one of the next wider type; its tensors must be uploaded again. */
  widen(): void {
    this.#scope.dispose();
    this.#type = WIDER[this.#type];
    this.#scope = this.#parent.child(this.plan.label);
    this.#slice = this.#allocate();
  }

  /** Bytes of a row of the matrix. */
  get rowBytes(): number {
    return weightRowBytes(this.#type, this.plan.k);
  }

  /** Writes part of one tensor as the GPU holds it, `offset` bytes from that tensor's first row. */
  write(tensor: string, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    const added = this.plan.parts.find(({ name }) => name === tensor)?.offset ?? 0;
    const written = added === 0 ? bytes : plus(bytes, added);
    this.#scope.write(this.#slice, this.firstRow(tensor) * this.rowBytes + offset, written);
  }

  get #rows(): number {
    return this.plan.parts.reduce((sum, part) => sum + part.rows, 0);
  }

  /** The row of the matrix that a tensor begins with. */
  firstRow(tensor: string): number {
    let row = 0;
    for (const part of this.plan.parts) {
      if (part.name === tensor) return row;
      row += part.rows;
    }
    throw new Error(`"${tensor}" is no part of ${this.plan.label}`);
  }

  #allocate(): BufferSlice {
    return this.#scope.storage("weights", this.#rows * this.rowBytes);
  }
}

/** f32 numbers, each with `offset` added and rounded once; the bytes may be a view of a file, and stay as they are. */
function plus(bytes: Uint8Array<ArrayBuffer>, offset: number): Uint8Array<ArrayBuffer> {
  const numbers = new Float32Array(bytes.slice().buffer);
  for (let i = 0; i < numbers.length; i++) numbers[i]! += offset;
  return new Uint8Array(numbers.buffer);
}
