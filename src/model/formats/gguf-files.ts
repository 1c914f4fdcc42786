/** A model in one GGUF file, seen as the files of a model folder. */
import { CoppiceError } from "../../errors.ts";
import type { ModelFiles, TensorFile } from "../source/types.ts";
import { ggufConfig } from "./gguf-config.ts";
import { GgufStore } from "./gguf-store.ts";
import { ggufTokenizer } from "./gguf-tokenizer.ts";
import { type GgufHeader, readGgufHeader } from "./gguf.ts";
import type { TensorStore } from "./tensor-store.ts";

const MAX_ROPE_FREQS = 1024;

export class GgufFiles implements ModelFiles {
  readonly label: string;
  readonly #folder: ModelFiles;
  readonly #name: string;
  /** Without what has been translated. */
  readonly #header: GgufHeader;
  readonly #json: ReadonlyMap<string, unknown>;

  private constructor(
    folder: ModelFiles,
    name: string,
    header: GgufHeader,
    json: ReadonlyMap<string, unknown>,
  ) {
    this.#folder = folder;
    this.#name = name;
    this.label = `${folder.label} (${name})`;
    this.#header = header;
    this.#json = json;
  }

  /**
   * Reads the header. The tokenizer is the file's own, or where that is of a kind that is not known and a
   * tokenizer.json lies beside the file, that one.
   * @throws CoppiceError `file-missing`, `weights-invalid`, `tokenizer-invalid`, `config-invalid`.
   */
  static async open(folder: ModelFiles, name: string): Promise<GgufFiles> {
    const file = await openFile(folder, name);
    try {
      const header = await readGgufHeader(file);
      const json = new Map<string, unknown>([
        ["config.json", ggufConfig(header, await ropeFreqs(file, header))],
      ]);
      for (const [key, value] of await tokenizerFiles(folder, header)) json.set(key, value);
      const metadata = new Map(
        [...header.metadata].filter(([key]) => !key.startsWith("tokenizer.")),
      );
      return new GgufFiles(folder, name, { ...header, metadata }, json);
    } finally {
      file.dispose();
    }
  }

  json(name: string): Promise<unknown> {
    return Promise.resolve(this.#json.get(name));
  }

  open(name: string): Promise<TensorFile | undefined> {
    return this.#folder.open(name);
  }

  /** The tensors; the caller disposes of them. */
  async store(): Promise<TensorStore> {
    const open = (): Promise<TensorFile> => openFile(this.#folder, this.#name);
    const file = await open();
    try {
      return new GgufStore(file, this.#header, open);
    } catch (error) {
      file.dispose();
      throw error;
    }
  }
}

async function openFile(folder: ModelFiles, name: string): Promise<TensorFile> {
  const file = await folder.open(name);
  if (file) return file;
  throw new CoppiceError(
    "file-missing",
    `${folder.label} has no ${name}.`,
    "Check the file's name; upper and lower case differ.",
  );
}

async function tokenizerFiles(
  folder: ModelFiles,
  header: GgufHeader,
): Promise<[string, unknown][]> {
  try {
    const { tokenizer, config } = ggufTokenizer(header);
    return [
      ["tokenizer.json", tokenizer],
      ["tokenizer_config.json", config],
    ];
  } catch (error) {
    const beside = await folder.json("tokenizer.json").catch(() => undefined);
    if (beside === undefined) throw error;
    return [
      ["tokenizer.json", beside],
      ["tokenizer_config.json", await folder.json("tokenizer_config.json")],
    ];
  }
}

/** The divisors of the rotary frequencies, where the file has them as a tensor. */
async function ropeFreqs(
  file: TensorFile,
  { tensors }: GgufHeader,
): Promise<readonly number[] | undefined> {
  const found = tensors.find(({ name, type }) => name === "rope_freqs.weight" && type === 0);
  const count = found?.shape[0] ?? 0;
  if (!found || found.shape.length !== 1 || count > MAX_ROPE_FREQS) return undefined;
  const bytes = await file.read(found.start, found.start + 4 * count);
  return [...new Float32Array(bytes.slice().buffer)];
}
