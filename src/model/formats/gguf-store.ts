/** The tensors of a GGUF file under transformers' names, in its order of rows. */
import { CoppiceError } from "../../errors.ts";
import type { TensorFile } from "../source/types.ts";
import { BLOCK_TYPES, type BlockType } from "./gguf-blocks.ts";
import { GGUF_ARCHITECTURES, type GgufArchitecture, huggingFaceName } from "./gguf-names.ts";
import type { GgufHeader, GgufTensor } from "./gguf.ts";
import {
  DTYPE_LAYOUT,
  elementsOf,
  invalid,
  type LocatedTensor,
  type TensorStore,
} from "./tensor-store.ts";

interface PlacedTensor extends LocatedTensor {
  readonly type: BlockType;
  readonly start: number;
  /** Rows per head, where the rows of each head are in pairs. */
  readonly paired: number | undefined;
  readonly plusOne: boolean;
}

/** A table that the kernels make for themselves, out of config.json. */
const DERIVED = "rope_freqs.weight";

/** Reads tensors from one file, which is opened again where reading goes on after `dispose`. */
export class GgufStore implements TensorStore {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly #reopen: () => Promise<TensorFile>;
  #file: TensorFile | undefined;
  /** The bytes of the tensor whose rows are put in another order. */
  #held: { readonly tensor: LocatedTensor; readonly bytes: Uint8Array<ArrayBuffer> } | undefined;

  /** @throws CoppiceError `weights-invalid`, `tensor-invalid` for a type that cannot be read. */
  constructor(file: TensorFile, header: GgufHeader, reopen: () => Promise<TensorFile>) {
    this.#file = file;
    this.#reopen = reopen;
    const tensors = placeTensors(file, header);
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    if (this.tensors.size < tensors.length) throw invalid(file.name, "has one tensor by two names");
  }

  async read({ name }: LocatedTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const tensor = this.tensors.get(name)!;
    const { type, paired } = tensor;
    // Whole rows where rows move, else whole blocks.
    const unit = paired === undefined ? type.elements : (tensor.shape[1] ?? 1);
    const first = Math.floor(from / unit);
    const last = Math.ceil(to / unit);
    const raw =
      paired === undefined
        ? await this.#bytes(tensor.start + first * type.bytes, tensor.start + last * type.bytes)
        : await this.#rows(tensor, paired, first, last);
    const bytes = tensor.plusOne ? lessOne(raw) : convertBlocks(raw, type);
    const layout = DTYPE_LAYOUT[type.dtype];
    const offset = (element: number): number =>
      ((element - first * unit) / layout.elements) * layout.bytes;
    return bytes.subarray(offset(from), offset(to));
  }

  dispose(): void {
    this.#held = undefined;
    this.#file?.dispose();
    this.#file = undefined;
  }

  async #bytes(from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    this.#file ??= await this.#reopen();
    return this.#file.read(from, to);
  }

  /** Rows of a tensor in transformers' order: a head's first half, which are its even rows here, then its second. */
  async #rows(
    tensor: PlacedTensor,
    head: number,
    first: number,
    last: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#held?.tensor !== tensor) {
      this.#held = undefined;
      const bytes = await this.#bytes(tensor.start, tensor.start + tensor.bytes);
      this.#held = { tensor, bytes };
    }
    const { bytes } = this.#held;
    const size = bytes.length / tensor.shape[0]!;
    const out = new Uint8Array((last - first) * size);
    for (let row = first; row < last; row++) {
      const [place, half] = [row % head, head / 2];
      const from = row - place + (place < half ? 2 * place : 2 * (place - half) + 1);
      out.set(bytes.subarray(from * size, (from + 1) * size), (row - first) * size);
    }
    return out;
  }
}

function placeTensors(file: TensorFile, { metadata, tensors }: GgufHeader): PlacedTensor[] {
  const name = metadata.get("general.architecture");
  const known: Partial<GgufArchitecture> =
    typeof name === "string" && Object.hasOwn(GGUF_ARCHITECTURES, name)
      ? GGUF_ARCHITECTURES[name]!
      : {};
  const headsOf = (key: string): number => {
    const heads = metadata.get(`${String(name)}.attention.${key}`);
    return typeof heads === "number" ? heads : Number.NaN;
  };
  const heads = headsOf("head_count");
  const kvHeads = headsOf("head_count_kv") || heads;
  const all = new Set(tensors.map((tensor) => tensor.name));
  let covered = 0;
  return tensors
    .filter((tensor) => tensor.name !== DERIVED)
    .map((tensor) => {
      const type = typeOf(tensor);
      const bytes = tensorBytes(tensor, type);
      const end = tensor.start + bytes;
      if (Number.isNaN(bytes)) {
        throw invalid(file.name, `has tensor "${tensor.name}" in blocks that its rows do not fit`);
      }
      if (tensor.start < covered) {
        throw invalid(file.name, `has tensor "${tensor.name}" overlapping another`);
      }
      if (file.size !== undefined && end > file.size) {
        throw invalid(file.name, `is cut short: ${end} bytes are needed, ${file.size} are there`);
      }
      covered = end;
      const part = /\.attn_([qk])\.(?:weight|bias)$/.exec(tensor.name)?.[1];
      const rows = tensor.shape[0]! / (part === "q" ? heads : kvHeads);
      const paired = known.paired && part !== undefined ? rows : undefined;
      if (paired !== undefined && !(paired > 0 && paired % 2 === 0)) {
        throw invalid(
          file.name,
          `has tensor "${tensor.name}" in rows that its heads do not divide`,
        );
      }
      const plusOne = known.normPlusOne === true && tensor.name.endsWith("norm.weight");
      if (plusOne && type.name !== "F32") throw unreadable(tensor.name, `a norm in ${type.name}`);
      return {
        name: huggingFaceName(tensor.name, all),
        dtype: type.dtype,
        shape: tensor.shape,
        file: file.name,
        bytes,
        widened: type.dtype === "F32" && type.convert !== undefined,
        type,
        start: tensor.start,
        paired,
        plusOne,
      };
    });
}

function typeOf(tensor: GgufTensor): BlockType {
  const type = BLOCK_TYPES.get(tensor.type);
  if (type) return type;
  throw unreadable(tensor.name, `ggml's type ${tensor.type}`);
}

function tensorBytes({ shape }: GgufTensor, type: BlockType): number {
  const elements = elementsOf(shape);
  return (shape.at(-1) ?? 1) % type.elements === 0
    ? (elements / type.elements) * type.bytes
    : Number.NaN;
}

function convertBlocks(
  raw: Uint8Array<ArrayBuffer>,
  { convert, bytes, elements, dtype }: BlockType,
): Uint8Array<ArrayBuffer> {
  if (!convert) return raw;
  const layout = DTYPE_LAYOUT[dtype];
  const width = (elements / layout.elements) * layout.bytes;
  const count = raw.length / bytes;
  const from = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const out = new Uint8Array(count * width);
  const to = new DataView(out.buffer);
  for (let block = 0; block < count; block++) convert(from, block * bytes, to, block * width);
  return out;
}

/** A copy of f32 with 1 taken off; the bytes themselves may be the file's. */
function lessOne(raw: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const numbers = new Float32Array(raw.slice().buffer);
  return new Uint8Array(numbers.map((x) => x - 1).buffer);
}

function unreadable(tensor: string, type: string): CoppiceError {
  const names = [...BLOCK_TYPES.values()].map(({ name }) => name).join(", ");
  return new CoppiceError(
    "tensor-invalid",
    `Tensor "${tensor}" is stored as ${type}, which cannot be read; ${names} can.`,
    "Use a file of another quantisation of this model, such as Q4_K_M, Q6_K or Q8_0.",
  );
}
