/** The weights of an ONNX decoder, read out of its graph's constants under transformers' names. */
import { CoppiceError } from "../../errors.ts";
import type { ModelFiles, TensorFile } from "../source/types.ts";
import { convertTensor } from "../weights/convert.ts";
import { blockDtype, convertOnnxBlocks } from "./onnx-blocks.ts";
import { ONNX_TYPES, type OnnxTensor, readOnnxGraph } from "./onnx-graph.ts";
import type { OnnxMatrix } from "./onnx-linear.ts";
import { findRoles } from "./onnx-roles.ts";
import {
  bytesOf,
  invalid,
  type LocatedTensor,
  type TensorDtype,
  type TensorStore,
} from "./tensor-store.ts";

interface PlacedTensor extends LocatedTensor {
  readonly dtype: TensorDtype;
  readonly matrix: OnnxMatrix;
  readonly firstRow: number;
  readonly plusOne: boolean;
}

/** What of the configuration decides how the graph's constants are taken. */
export interface OnnxStoreOptions {
  readonly heads: { readonly query: number; readonly keyValue: number };
  /** True where norms are stored with the 1 added that transformers adds when it computes. */
  readonly normPlusOne: boolean;
}

/** Parts of a tensor up to this many bytes are read in one go, in the order of the file. */
const HELD_BYTES = 2 ** 24;

export class OnnxStore implements TensorStore {
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  readonly ownHead: boolean;
  readonly #files: ModelFiles;
  readonly #open: Map<string, TensorFile>;
  /** Bytes of constants of the matrix that is being read. */
  #held:
    | { readonly matrix: OnnxMatrix; readonly bytes: Map<OnnxTensor, Uint8Array<ArrayBuffer>> }
    | undefined;

  private constructor(
    files: ModelFiles,
    name: string,
    file: TensorFile,
    tensors: readonly PlacedTensor[],
    ownHead: boolean,
  ) {
    this.#files = files;
    this.#open = new Map([[name, file]]);
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.ownHead = ownHead;
  }

  /**
   * Reads the graph of `name`; undefined where there is no such file.
   * @throws CoppiceError `weights-invalid`; `architecture-unknown` for a graph whose weights are not found.
   */
  static async open(
    files: ModelFiles,
    name: string,
    options: OnnxStoreOptions,
  ): Promise<OnnxStore | undefined> {
    const file = await files.open(name);
    if (!file) return undefined;
    try {
      const graph = await readOnnxGraph(file, name);
      const { parts, vectors, ownHead } = findRoles(graph, options.heads);
      const tensors = [
        ...parts.map(({ name: part, matrix, firstRow, rows }) =>
          place(part, matrix, firstRow, [rows, matrix.k]),
        ),
        ...vectors.map(({ name: part, tensor, firstRow, rows }) => {
          const all = tensor.shape[0]!;
          const matrix = { tensor, rows: all, k: 1, turned: false, blocks: undefined };
          const plusOne = options.normPlusOne && part.endsWith("norm.weight");
          return place(part, matrix, firstRow, [rows], plusOne);
        }),
      ];
      tensors.sort(
        (a, b) =>
          Number(a.file > b.file) - Number(a.file < b.file) ||
          a.matrix.tensor.start - b.matrix.tensor.start ||
          a.firstRow - b.firstRow,
      );
      return new OnnxStore(files, name, file, tensors, ownHead);
    } catch (error) {
      file.dispose();
      throw error;
    }
  }

  async read({ name }: LocatedTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const tensor = this.tensors.get(name)!;
    const { matrix, dtype, firstRow, plusOne } = tensor;
    if (this.#held?.matrix !== matrix) this.#held = { matrix, bytes: new Map() };
    const own = firstRow * matrix.k;
    if (!matrix.blocks && !matrix.turned) {
      const type = sourceDtype(matrix.tensor)!;
      const bytes = await this.#range(
        matrix.tensor,
        bytesOf(type, own + from),
        bytesOf(type, own + to),
      );
      return plusOne ? lessOne(convertTensor(bytes, type, "f32").bytes) : bytes;
    }
    const first = Math.floor(from / matrix.k);
    const count = Math.ceil(to / matrix.k) - first;
    const rows = matrix.blocks
      ? await this.#blockRows(matrix, dtype, firstRow + first, count)
      : await this.#turnedRows(matrix, firstRow + first, count);
    const offset = first * matrix.k;
    return rows.subarray(bytesOf(dtype, from - offset), bytesOf(dtype, to - offset));
  }

  dispose(): void {
    this.#held = undefined;
    for (const file of this.#open.values()) file.dispose();
    this.#open.clear();
  }

  async #blockRows(
    matrix: OnnxMatrix,
    dtype: TensorDtype,
    first: number,
    count: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const { tensor, rows, blocks } = matrix;
    const parts = [tensor, blocks!.scales, ...(blocks!.zeros ? [blocks!.zeros] : [])];
    for (const part of parts.toSorted((a, b) => a.start - b.start)) {
      if (part !== tensor || part.bytes <= HELD_BYTES) await this.#whole(part);
    }
    const stride = tensor.bytes / rows;
    const data = await this.#range(tensor, first * stride, (first + count) * stride);
    const floats = async (part: OnnxTensor): Promise<Float32Array> => {
      const type = sourceDtype(part)!;
      const { bytes } = convertTensor(await this.#whole(part), type, "f32");
      return new Float32Array(bytes.slice().buffer);
    };
    const scales = await floats(blocks!.scales);
    const { zeros: zeroTensor } = blocks!;
    const zeros =
      zeroTensor &&
      (sourceDtype(zeroTensor) ? await floats(zeroTensor) : await this.#whole(zeroTensor));
    return convertOnnxBlocks(matrix, dtype, { data, scales, zeros }, first, count);
  }

  /** Rows of a matrix that the file holds by columns. */
  async #turnedRows(
    { tensor, rows, k }: OnnxMatrix,
    first: number,
    count: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const bytes = await this.#whole(tensor);
    const Words = sourceDtype(tensor) === "F32" ? Uint32Array : Uint16Array;
    const aligned = bytes.byteOffset % Words.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
    const from = new Words(aligned.buffer, aligned.byteOffset, rows * k);
    const out = new Words(count * k);
    for (let i = 0; i < k; i++) {
      const column = i * rows + first;
      for (let row = 0; row < count; row++) out[row * k + i] = from[column + row]!;
    }
    return new Uint8Array(out.buffer);
  }

  /** A whole constant, kept while its matrix is read. */
  async #whole(tensor: OnnxTensor): Promise<Uint8Array<ArrayBuffer>> {
    const held = this.#held!.bytes;
    const bytes = held.get(tensor) ?? (await this.#fromFile(tensor, 0, tensor.bytes));
    held.set(tensor, bytes);
    return bytes;
  }

  async #range(tensor: OnnxTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.#held!.bytes.get(tensor)?.subarray(from, to) ?? this.#fromFile(tensor, from, to);
  }

  async #fromFile(tensor: OnnxTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const file = this.#open.get(tensor.file) ?? (await this.#files.open(tensor.file));
    if (!file) {
      throw new CoppiceError(
        "file-missing",
        `${this.#files.label} has no ${tensor.file}, which the graph keeps weights in.`,
        "Put all files of the ONNX model into one folder: model.onnx and model.onnx_data.",
      );
    }
    this.#open.set(tensor.file, file);
    const end = tensor.start + to;
    if (file.size !== undefined && end > file.size) {
      throw invalid(tensor.file, `is cut short: it has ${file.size} bytes, ${end} are needed`);
    }
    return file.read(tensor.start + from, end);
  }
}

/** The element type of a constant that is numbers as they are. */
function sourceDtype({ type }: OnnxTensor): "F32" | "F16" | "BF16" | undefined {
  if (type === ONNX_TYPES.f32) return "F32";
  if (type === ONNX_TYPES.f16) return "F16";
  return type === ONNX_TYPES.bf16 ? "BF16" : undefined;
}

function place(
  name: string,
  matrix: OnnxMatrix,
  firstRow: number,
  shape: readonly number[],
  plusOne = false,
): PlacedTensor {
  const { tensor, rows, blocks } = matrix;
  const parts = [
    tensor,
    ...(blocks ? [blocks.scales, ...(blocks.zeros ? [blocks.zeros] : [])] : []),
  ];
  const own = blocks ? blockDtype(matrix) : sourceDtype(tensor);
  const odd = parts.find((part) => part.bytes === 0);
  if (!own || odd) {
    throw invalid(
      tensor.file,
      `holds "${(odd ?? tensor).name}" (${name}) in a way that cannot be read`,
    );
  }
  const dtype = plusOne ? "F32" : own;
  const share = shape[0]! / rows;
  return {
    name,
    dtype,
    shape,
    file: tensor.file,
    bytes: Math.round(parts.reduce((sum, part) => sum + part.bytes, 0) * share),
    widened: blocks !== undefined && dtype === "F32",
    matrix,
    firstRow,
    plusOne,
  };
}

function lessOne(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new Float32Array(bytes.slice().buffer).map((x) => x - 1).buffer);
}
