/** A source that names one file: the folder it lies in, and its name there. */
import type { ModelSource } from "../options.ts";

export interface SourceFile {
  readonly model: ModelSource;
  /** Path of the file within the folder; undefined where the source is a folder. */
  readonly file: string | undefined;
}

const FILE = /\.(gguf|onnx|safetensors)$/;
/** A page of the hub that shows a file, or the file itself. */
const HUB_FILE = /^https:\/\/huggingface\.co\/([^/]+\/[^/]+)\/(?:blob|resolve)\/([^/]+)\/(.+)$/;
const REPOSITORY_FILE = /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*(?:@[\w.-]+)?)\/(.+)$/;

/** `"org/name/x.gguf"`, `"https://host/folder/x.gguf?key=1"` and the like; any other source is left as it is. */
export function splitSource(source: ModelSource): SourceFile {
  if (typeof source !== "string") return { model: source, file: undefined };
  const [address, query = ""] = cutAt(source, /[?#]/);
  if (!FILE.test(address)) return { model: source, file: undefined };
  const page = HUB_FILE.exec(address);
  if (page)
    return {
      model: `${page[1]}@${decodeURIComponent(page[2]!)}`,
      file: decodeURIComponent(page[3]!),
    };
  const repository = REPOSITORY_FILE.exec(address);
  if (repository) return { model: repository[1]!, file: repository[2]! };
  // ONNX files have a folder of their own beside config.json.
  const [, folder = "", file] = /^(.*?\/)??((?:onnx\/)?[^/]+)$/.exec(address)!;
  return { model: (folder || "./") + query, file: file! };
}

function cutAt(text: string, mark: RegExp): [string, string?] {
  const at = text.search(mark);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at)];
}
