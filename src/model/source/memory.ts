/** Model files that the page handed in. */
import { CoppiceError } from "../../errors.ts";
import { invalid } from "../formats/safetensors.ts";
import { sourceInvalid } from "./address.ts";
import { parseJson } from "./json.ts";
import type { ModelFileMap } from "../../options.ts";
import type { OpenedSource, OpenSourceOptions, TensorFile } from "./types.ts";

type FileContent = ModelFileMap[string];
type Bytes = Blob | Uint8Array<ArrayBuffer>;

export function memoryFiles(
  map: ModelFileMap | ReadonlyMap<string, FileContent>,
  options: OpenSourceOptions,
): OpenedSource {
  const contents = new Map<string, FileContent>(map instanceof Map ? map : Object.entries(map));
  const opened = new Map<string, Promise<Bytes>>();
  const find = async (name: string): Promise<Bytes | undefined> => {
    const key = findName(contents, name);
    if (key === undefined) return undefined;
    // A Response gives its body once, so what came of it is kept.
    const known = opened.get(key) ?? plain(key, contents.get(key)!);
    opened.set(key, known);
    return known;
  };
  const open = async (name: string): Promise<TensorFile | undefined> => {
    const content = await find(name);
    return content && tensorFile(name, content);
  };
  return {
    label: "the given files",
    names: [...contents.keys()],
    async json(name) {
      const content = await find(name);
      if (!content) return undefined;
      const bytes = content instanceof Blob ? await blobBytes(name, content) : content;
      options.onProgress?.({ file: name, loadedBytes: bytes.length, totalBytes: bytes.length });
      return parseJson(name, name, bytes);
    },
    open,
    async list() {
      const sizes = [...contents.keys()].map(async (key) => ({
        name: key,
        size: sizeOf((await find(key))!),
      }));
      return Promise.all(sizes);
    },
    peek: open,
    async keptBytes(name) {
      const content = await find(name);
      return content ? sizeOf(content) : 0;
    },
    isFromCache: () => false,
  };
}

function sizeOf(content: Bytes): number {
  return content instanceof Blob ? content.size : content.length;
}

/** A file that the device has already. */
export function blobFile(name: string, blob: Blob): TensorFile {
  return tensorFile(name, blob);
}

/** The key itself, or the only key that ends in "/name": what a folder picker gives. */
function findName(contents: ReadonlyMap<string, FileContent>, name: string): string | undefined {
  if (contents.has(name)) return name;
  const nested = [...contents.keys()].filter((key) => key.endsWith(`/${name}`));
  if (nested.length > 1) {
    throw sourceInvalid(`The file map has several files named ${name}: ${nested.join(", ")}.`);
  }
  return nested[0];
}

async function plain(name: string, content: FileContent): Promise<Bytes> {
  if (content instanceof Blob || content instanceof Uint8Array) return content;
  if (content instanceof ArrayBuffer) return new Uint8Array(content);
  if (!(content instanceof Response)) {
    throw sourceInvalid(
      `The file map's "${name}" is not a Blob, File, Response, ArrayBuffer or Uint8Array.`,
    );
  }
  if (!content.ok)
    throw new CoppiceError(
      "network",
      `The response given for ${name} has status ${content.status}.`,
      "Check its URL.",
    );
  try {
    return await content.blob();
  } catch (cause) {
    throw new CoppiceError(
      "network",
      `The response given for ${name} cannot be read.`,
      "Hand in a response whose body nobody has read yet.",
      { cause },
    );
  }
}

function tensorFile(name: string, content: Bytes): TensorFile {
  const size = sizeOf(content);
  return {
    name,
    size,
    async read(start, end) {
      if (end > size) throw invalid(name, `is cut short: it has ${size} bytes, ${end} are needed`);
      return content instanceof Blob
        ? blobBytes(name, content.slice(start, end))
        : content.subarray(start, end);
    },
    dispose() {},
  };
}

async function blobBytes(name: string, blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (cause) {
    // A File whose disk file changed or went away rejects here.
    throw new CoppiceError(
      "file-missing",
      `${name} can no longer be read.`,
      "Choose the file again.",
      { cause },
    );
  }
}
