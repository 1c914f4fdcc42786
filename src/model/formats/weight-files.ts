/** The tensors of a model across its one or more safetensors files. */
import { CoppiceError } from "../../errors.ts";
import { invalid, readSafetensorsHeader } from "./safetensors.ts";
import type { ModelFiles, TensorFile } from "../source/types.ts";
import { bytesOf, isTensorDtype, type LocatedTensor, type TensorStore } from "./tensor-store.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

interface PlacedTensor extends LocatedTensor {
  /** First byte in its file. */
  readonly start: number;
}

/** Reads tensors, with one file open at a time. */
export class WeightFiles implements TensorStore {
  readonly #files: ModelFiles;
  /** In file order: reading them so needs each file's bytes once. */
  readonly tensors: ReadonlyMap<string, PlacedTensor>;
  #open: TensorFile | undefined;

  private constructor(files: ModelFiles, tensors: PlacedTensor[], open: TensorFile | undefined) {
    this.#files = files;
    this.tensors = new Map(tensors.map((tensor) => [tensor.name, tensor]));
    this.#open = open;
  }

  /**
   * Reads the headers: of the file that was asked for, of `model.safetensors`, or of the files that its index
   * names. Undefined where there is neither.
   * @throws CoppiceError `file-missing` where a part is not there; `weights-invalid`.
   */
  static async open(files: ModelFiles, name = SINGLE): Promise<WeightFiles | undefined> {
    const single = await files.open(name);
    if (single) return new WeightFiles(files, await locate(single), single);
    const index = name === SINGLE ? await files.json(INDEX) : undefined;
    if (index === undefined) return undefined;
    const homes = shardOfTensor(index);
    const tensors: PlacedTensor[] = [];
    for (const shardName of [...new Set(homes.values())].sort()) {
      const shard = await files.open(shardName);
      if (!shard) throw missing(files, shardName);
      tensors.push(...(await locate(shard)));
      shard.dispose();
    }
    const found = new Map(tensors.map((tensor) => [tensor.name, tensor.file]));
    if (found.size < tensors.length) {
      throw invalid(INDEX, "names files that hold the same tensor twice");
    }
    for (const [tensor, shard] of homes) {
      if (found.get(tensor) === shard) continue;
      throw invalid(INDEX, `says that tensor "${tensor}" is in ${shard}, which does not have it`);
    }
    return new WeightFiles(files, tensors, undefined);
  }

  async read(tensor: LocatedTensor, from: number, to: number): Promise<Uint8Array<ArrayBuffer>> {
    const { start, dtype, file } = this.tensors.get(tensor.name)!;
    if (!isTensorDtype(dtype)) throw invalid(file, `holds "${tensor.name}" as ${dtype}`);
    if (this.#open?.name !== file) {
      this.dispose();
      this.#open = await this.#files.open(file);
    }
    if (!this.#open) throw missing(this.#files, file);
    return this.#open.read(start + bytesOf(dtype, from), start + bytesOf(dtype, to));
  }

  dispose(): void {
    this.#open?.dispose();
    this.#open = undefined;
  }
}

async function locate(file: TensorFile): Promise<PlacedTensor[]> {
  try {
    return (await readSafetensorsHeader(file)).map(({ start, end, ...entry }) => ({
      ...entry,
      start,
      bytes: end - start,
      file: file.name,
    }));
  } catch (error) {
    file.dispose();
    throw error;
  }
}

/** The index's file per tensor; files lie beside it, so a path is refused. */
function shardOfTensor(index: unknown): Map<string, string> {
  const map = (index as { weight_map?: unknown } | null)?.weight_map;
  const entries: [string, unknown][] =
    typeof map === "object" && map !== null ? Object.entries(map) : [];
  const good = entries.every(
    ([, name]) => typeof name === "string" && /^[\w.-]+\.safetensors$/.test(name),
  );
  if (entries.length === 0 || !good) throw invalid(INDEX, "has no valid weight_map");
  return new Map(entries as [string, string][]);
}

function missing(files: ModelFiles, name: string): CoppiceError {
  return new CoppiceError(
    "file-missing",
    `${files.label} has no ${name}.`,
    "All files that model.safetensors.index.json names are needed; download the model again.",
  );
}
