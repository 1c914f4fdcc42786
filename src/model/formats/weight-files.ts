/** The tensors of a model across its one or more safetensors files. */
import { CoppiceError } from "../../errors.ts";
import { invalid, readSafetensorsHeader, type TensorEntry } from "./safetensors.ts";
import type { ModelFiles, TensorFile } from "../source/types.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** A tensor and the file it lies in. */
export interface LocatedTensor extends TensorEntry {
  readonly file: string;
}

/** Reads tensors, with one file open at a time. */
export class WeightFiles {
  readonly #files: ModelFiles;
  /** In file order: reading them so needs each file's bytes once. */
  readonly tensors: ReadonlyMap<string, LocatedTensor>;
  #open: TensorFile | undefined;

  private constructor(files: ModelFiles, tensors: LocatedTensor[], open: TensorFile | undefined) {
    this.#files = files;
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#open = open;
  }

  /**
   * Reads the headers: of `model.safetensors`, or of the files that its index names.
   * @throws CoppiceError `file-missing` where there is neither; `weights-invalid`.
   */
  static async open(files: ModelFiles): Promise<WeightFiles> {
    const single = await files.open(SINGLE);
    if (single) return new WeightFiles(files, await locate(single), single);
    const index = await files.json(INDEX);
    if (index === undefined) throw missing(files, SINGLE);
    const tensors: LocatedTensor[] = [];
    for (const name of shardNames(index)) {
      const shard = await files.open(name);
      if (!shard) throw missing(files, name);
      tensors.push(...(await locate(shard)));
      shard.dispose();
    }
    if (new Set(tensors.map((tensor) => tensor.name)).size < tensors.length) {
      throw invalid(INDEX, "names files that hold the same tensor twice");
    }
    return new WeightFiles(files, tensors, undefined);
  }

  /** Bytes `from` to before `to` of a tensor, counted from its start. */
  async read(tensor: LocatedTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    if (this.#open?.name !== tensor.file) {
      this.dispose();
      this.#open = await this.#files.open(tensor.file);
    }
    if (!this.#open) throw missing(this.#files, tensor.file);
    return this.#open.read(tensor.start + from, tensor.start + to);
  }

  dispose(): void {
    this.#open?.dispose();
    this.#open = undefined;
  }
}

async function locate(file: TensorFile): Promise<LocatedTensor[]> {
  try {
    return (await readSafetensorsHeader(file)).map((entry) => ({ ...entry, file: file.name }));
  } catch (error) {
    file.dispose();
    throw error;
  }
}

/** The files named in an index, each once; they lie beside it, so a path is refused. */
function shardNames(index: unknown): string[] {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  const names: unknown[] = typeof map === "object" && map !== null ? Object.values(map) : [];
  const good = names.every(
    (name) => typeof name === "string" && /^[\w.-]+\.safetensors$/.test(name),
  );
  if (names.length === 0 || !good) throw invalid(INDEX, "has no valid weight_map");
  return [...new Set(names as string[])].sort();
}

function missing(files: ModelFiles, name: string): CoppiceError {
  return new CoppiceError(
    "file-missing",
    `${files.label} has no ${name}.`,
    "Weights are read from model.safetensors, or from the files that model.safetensors.index.json names. Convert other formats first.",
  );
}
