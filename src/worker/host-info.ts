/** What a page can ask without an engine: what a model is and weighs, what is kept on the device, and to let go of it. */
import { checkRecord, invalid } from "../decoder/checks.ts";
import {
  resolveContext,
  resolveDtype,
  type ResolvedModel,
  resolveModel,
} from "../decoder/load-options.ts";
import { resolveCache, resolveHub } from "../decoder/source-options.ts";
import { CoppiceError } from "../errors.ts";
import { ADAPTER_WANTED, type BufferLimits, NO_LIMITS } from "../gpu/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { openModelFiles, openStore as openTensors } from "../model/formats/open-store.ts";
import { readConfig } from "../model/index.ts";
import { parseAddress } from "../model/source/address.ts";
import { type ModelFiles, type OpenedSource, openSource } from "../model/source/index.ts";
import { planStore } from "../model/weights/index.ts";
import type { Dtype } from "../options.ts";
import { plannedFiles } from "../model/source/planned.ts";
import type { CachedModel, ModelFileInfo, ModelInfo } from "../stream-part.ts";
import { openStore, sourceOptions } from "./host-files.ts";
import { planMemory } from "./host-memory.ts";
import { chooseContext } from "./host-models.ts";
import type { FilesApi } from "./protocol.ts";

/** Where nobody lists the files of a folder, these are asked for. */
const USUAL = ["config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"];

export const filesApi: FilesApi = {
  async modelInfo(model, options) {
    try {
      return await modelInfo(model, options);
    } catch (error) {
      throw CoppiceError.from(error);
    }
  },

  async cachedModels(): Promise<CachedModel[]> {
    const models = (await (await openStore())?.list()) ?? [];
    return models
      .map(({ key, label, bytes, usedAt }) => ({ source: key, label, bytes, usedAt }))
      .sort((a, b) => b.usedAt - a.usedAt);
  },

  async clearCache(source) {
    if (source !== undefined && typeof source !== "string") {
      throw invalid("source", source, "a repository, a URL, or what cachedModels gives");
    }
    const store = await openStore();
    if (!store || source === undefined) return (await store?.clear()) ?? 0;
    const freed = await store.clear(source);
    return freed > 0 ? freed : store.clear(parseAddress(source, undefined).key);
  },
};

async function modelInfo(model: unknown, options: unknown): Promise<ModelInfo> {
  const fields = ["hub", "cache", "dtype", "contextLength"] as const;
  const { hub, cache, ...size } = checkRecord("options", options ?? {}, fields);
  const contextLength = resolveContext(size.contextLength);
  const spec = resolveModel("model", model, resolveDtype("dtype", size.dtype, "auto"));
  const cacheBytes = resolveCache(cache);
  // Asking changes nothing, so what cannot be kept is no news.
  const sources = await sourceOptions({ hub: resolveHub(hub), cacheBytes }, () => undefined);
  const folder = await openSource(spec.model, sources);
  const facts = await factsOf(folder, spec, contextLength);
  const files = await filesOf(folder, spec);
  const totalBytes = files.reduce((sum, { bytes }) => sum + bytes, 0);
  const cachedBytes = files.reduce((sum, file) => sum + file.cachedBytes, 0);
  const downloadBytes = totalBytes - cachedBytes;
  return { label: folder.label, files, totalBytes, cachedBytes, downloadBytes, ...facts };
}

/** What the configuration and the headers of the weights say, and what they come to on the GPU. */
async function factsOf(
  folder: OpenedSource,
  { file, layers, dtype }: ResolvedModel,
  contextLength: number | undefined,
): Promise<Partial<ModelInfo>> {
  // Of weights nothing but headers is read.
  const light: ModelFiles = {
    label: folder.label,
    ...(folder.names && { names: folder.names }),
    json: (name) => folder.json(name),
    open: (name) => folder.peek(name),
  };
  try {
    const files = await openModelFiles(light, file);
    const config = await readConfig(files, layers);
    const { architecture, vocabSize } = config;
    const known = {
      architecture,
      layers: config.layers,
      contextLength: config.contextLength,
      vocabSize,
    };
    try {
      return { ...known, ...(await weightsOf(files, config, dtype, contextLength)) };
    } catch (error) {
      return { ...known, ...problemOf(error) };
    }
  } catch (error) {
    return problemOf(error);
  }
}

async function weightsOf(
  files: ModelFiles,
  config: ModelConfig,
  dtype: Dtype,
  contextLength: number | undefined,
): Promise<Partial<ModelInfo>> {
  const store = await openTensors(files, { ...config, dtype });
  store.dispose();
  const counts = new Map<string, number>();
  for (const tensor of store.tensors.values()) {
    const elements = tensor.shape.reduce((product, n) => product * n, 1);
    counts.set(tensor.dtype, (counts.get(tensor.dtype) ?? 0) + elements);
  }
  const [most] = [...counts].sort(([, a], [, b]) => b - a);
  const parameters = [...counts.values()].reduce((sum, n) => sum + n, 0);
  const told = { parameters, ...(most && { dtype: most[0] }) };
  try {
    const weights = planStore(store, config, dtype);
    const context = chooseContext(contextLength, { role: "target", config }, undefined);
    const memory = planMemory({ config, weights }, undefined, context, await limitsHere());
    return { ...told, memory };
  } catch (error) {
    return { ...told, ...problemOf(error) };
  }
}

/** Of the adapter that an engine would take; where there is none, nothing is refused for its size. */
async function limitsHere(): Promise<BufferLimits> {
  const adapter = await globalThis.navigator?.gpu?.requestAdapter(ADAPTER_WANTED);
  return adapter?.limits ?? NO_LIMITS;
}

/** Why the model cannot be loaded. That it cannot be reached is another matter, and thrown. */
function problemOf(error: unknown): Pick<ModelInfo, "problem"> {
  const thrown = CoppiceError.from(error);
  if (["network", "access-denied", "source-invalid", "internal"].includes(thrown.code))
    throw thrown;
  return { problem: thrown.toWire() };
}

async function filesOf(folder: OpenedSource, { file }: ResolvedModel): Promise<ModelFileInfo[]> {
  const listed = await folder.list();
  const planned = listed ? plannedFiles(listed, file) : await probe(folder, file);
  return Promise.all(
    planned.map(async ({ name, size }) => {
      const cachedBytes = await folder.keptBytes(name);
      return { name, bytes: size, cachedBytes };
    }),
  );
}

async function probe(folder: OpenedSource, file: string | undefined) {
  const found: { name: string; size: number }[] = [];
  for (const name of [...USUAL, file ?? "model.safetensors"]) {
    const opened = await folder.peek(name);
    if (opened) found.push({ name, size: opened.size ?? 0 });
    opened?.dispose();
  }
  return found;
}
