/** What `loadEngine` was asked for, checked and with every default filled in, before anything is fetched. */
import { CoppiceError } from "../errors.ts";
import type {
  DeviceKind,
  DraftSpec,
  Dtype,
  HubOptions,
  LoadOptions,
  ModelFileMap,
  ModelSource,
} from "../options.ts";
import { checkChoice, checkInteger, checkRecord, invalid, show } from "./checks.ts";
import { splitSource } from "./source-file.ts";
import { resolveCache, resolveHub } from "./source-options.ts";
import { type ResolvedTokenizer, resolveTokenizer } from "./tokenizer-option.ts";

export interface ResolvedModel {
  readonly model: ModelSource;
  /** Undefined: all of them. */
  readonly layers: number | undefined;
  /** The file of weights, by its path in the model's folder. Undefined: whatever is there. */
  readonly file: string | undefined;
  readonly dtype: Dtype;
}

export interface ResolvedDraft extends ResolvedModel {
  /** Undefined: all tokens. Whether the ids are in the vocabulary is checked once that is known. */
  readonly vocabulary: DraftSpec["vocabulary"];
}

/** Where files come from, and how much of them is kept. */
export interface ResolvedSources {
  readonly hub: HubOptions;
  /** Undefined: nothing is kept. */
  readonly cacheBytes: number | undefined;
}

/** `LoadOptions` as the worker gets them (callback and signal stay on the page), with defaults filled in. */
export interface ResolvedLoad extends ResolvedSources {
  readonly target: ResolvedModel;
  readonly draft: ResolvedDraft | undefined;
  readonly device: DeviceKind;
  /** Undefined: beside the worker's script. */
  readonly fallbackUrl: string | undefined;
  /** Undefined: the target's own. */
  readonly tokenizer: ResolvedTokenizer | undefined;
  /** Undefined: what the model and the default allow. */
  readonly contextLength: number | undefined;
}

const WEIGHTS_FILE = /^[^/\\?#][^\\?#]*\.(gguf|onnx|safetensors)$/;

const FIELDS = [
  "target",
  "draft",
  "dtype",
  "device",
  "fallbackUrl",
  "contextLength",
  "hub",
  "cache",
  "tokenizer",
] as const satisfies readonly (keyof LoadOptions)[];

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolveLoadOptions(value: unknown): ResolvedLoad {
  const options = checkRecord("options", value, FIELDS);
  const dtype = resolveDtype("dtype", options.dtype, "auto");
  const target = resolveModel("target", options.target, dtype);
  return {
    target,
    draft: options.draft === undefined ? undefined : resolveDraft(options.draft, dtype, target),
    device: checkChoice("device", options.device, ["auto", "webgpu", "wasm"], "auto"),
    fallbackUrl: resolveUrl("fallbackUrl", options.fallbackUrl),
    contextLength: resolveContext(options.contextLength),
    tokenizer: resolveTokenizer(options.tokenizer),
    hub: resolveHub(options.hub),
    cacheBytes: resolveCache(options.cache),
  };
}

function resolveUrl(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "string" && value.endsWith("/")) return value;
  throw invalid(field, value, "the address of a folder, with a slash at its end");
}

export function resolveDtype(field: string, value: unknown, otherwise: Dtype): Dtype {
  return checkChoice(field, value, ["auto", "f32", "f16", "q8", "q4"], otherwise);
}

/** Undefined: what the model and the default allow. */
export function resolveContext(value: unknown): number | undefined {
  if (value === undefined) return undefined;
  return checkInteger("contextLength", value, 2, Number.MAX_SAFE_INTEGER);
}

function resolveDraft(value: unknown, dtype: Dtype, target: ResolvedModel): ResolvedDraft {
  const draft = resolveDraftSpec(value, dtype);
  // The target's own layers are not kept twice unless that is asked for.
  return isSameModel(target, draft) ? resolveDraftSpec(value, target.dtype) : draft;
}

/** Whether both are the same weights, of which one may use fewer layers or keep them in another way. */
export function isSameModel(a: ResolvedModel, b: ResolvedModel): boolean {
  if (a.file !== b.file) return false;
  if (typeof a.model === "string" || typeof b.model === "string") return a.model === b.model;
  const [ours, theirs] = [a.model.files, b.model.files];
  const names = Object.keys(ours);
  return (
    names.length === Object.keys(theirs).length &&
    names.every((name) => ours[name] === theirs[name])
  );
}

function resolveDraftSpec(value: unknown, dtype: Dtype): ResolvedDraft {
  if (typeof value !== "object" || value === null || !("vocabulary" in value)) {
    return { ...resolveModel("draft", value, dtype), vocabulary: undefined };
  }
  const { vocabulary, ...spec } = value;
  return { ...resolveModel("draft", spec, dtype), vocabulary: resolveVocabulary(vocabulary) };
}

function resolveVocabulary(value: unknown): ResolvedDraft["vocabulary"] {
  const field = "draft.vocabulary";
  if (value === undefined) return undefined;
  if (Array.isArray(value)) {
    if (value.length > 0) return value;
    throw invalid(field, value, "a list of at least one token id, or { text }");
  }
  const { text, size } = checkRecord(field, value, ["text", "size"]);
  if (typeof text !== "string" || text === "") {
    throw invalid(`${field}.text`, text, "a text that has tokens in it");
  }
  if (size === undefined) return { text };
  return { text, size: checkInteger(`${field}.size`, size, 1, Number.MAX_SAFE_INTEGER) };
}

/** @param dtype where the model names none of its own */
export function resolveModel(field: string, value: unknown, dtype: Dtype): ResolvedModel {
  if (typeof value !== "object" || value === null || !("model" in value)) {
    return { ...splitSource(resolveSource(field, value)), layers: undefined, dtype };
  }
  const spec = checkRecord(field, value, ["model", "layers", "file", "dtype"]);
  const { model, file } = splitSource(resolveSource(`${field}.model`, spec.model));
  return {
    model,
    file: spec.file === undefined ? file : checkFile(`${field}.file`, spec.file),
    layers:
      spec.layers === undefined
        ? undefined
        : checkInteger(`${field}.layers`, spec.layers, 1, Number.MAX_SAFE_INTEGER),
    dtype: resolveDtype(`${field}.dtype`, spec.dtype, dtype),
  };
}

function checkFile(field: string, value: unknown): string {
  if (typeof value === "string" && WEIGHTS_FILE.test(value) && !value.includes("..")) return value;
  throw invalid(
    field,
    value,
    "the path of a file of weights within the model's folder",
    'Name a file as "model-Q4_K_M.gguf", "onnx/model_q4f16.onnx" or "model.safetensors".',
  );
}

function resolveSource(field: string, value: unknown): ModelSource {
  if (typeof value === "string" && value.trim() !== "") return value;
  if (typeof value !== "object" || value === null) {
    throw invalid(
      field,
      value,
      "a model",
      `Set ${field} to a hub repo id ("org/name"), the URL of a model folder, or { files }.`,
    );
  }
  const { files } = checkRecord(field, value, ["files"]);
  if (typeof files !== "object" || files === null || Array.isArray(files) || files instanceof Map) {
    throw invalid(`${field}.files`, files, "an object from file name to content");
  }
  for (const [name, content] of Object.entries(files)) {
    const known =
      content instanceof Blob || content instanceof ArrayBuffer || content instanceof Uint8Array;
    if (known) continue;
    throw new CoppiceError(
      "option-invalid",
      `${field}.files["${name}"] is ${show(content)}; it must be the file's content.`,
      "Pass a File, Blob, ArrayBuffer, Uint8Array or Response per file name.",
    );
  }
  return { files: files as ModelFileMap };
}
