/** Loads the models of an engine: everything small is read and compared before the first weight is. */
import { CoppiceError, throwIfAborted } from "../errors.ts";
import { isSameModel, type ResolvedLoad, type ResolvedModel } from "../decoder/load-options.ts";
import type { Gpu } from "../gpu/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { type LanguageModel, loadModel, readConfig } from "../model/index.ts";
import { type PlannedWeights, planWeights } from "../model/weights/index.ts";
import { openModelFiles } from "../model/formats/open-store.ts";
import {
  openSource,
  type ModelFiles,
  type OpenedSource,
  type OpenSourceOptions,
} from "../model/source/index.ts";
import { plannedFiles } from "../model/source/planned.ts";
import type { Dtype } from "../options.ts";
import type { LoadProgress, MemoryFacts } from "../stream-part.ts";
import { assertSameVocabulary, type ChatTemplates, type Tokenizer } from "../tokenizer/index.ts";
import type { LoadHooks } from "./host-backend.ts";
import { firstLayers, planMemory } from "./host-memory.ts";
import { keptVocabulary } from "./host-vocabulary.ts";
import { readTextParts } from "./host-tokenizer.ts";

/** A model on the GPU and what it is called. */
export interface LoadedModel {
  readonly label: string;
  readonly model: LanguageModel;
}

export interface LoadedModels {
  readonly target: LoadedModel;
  readonly draft: LoadedModel | undefined;
  readonly tokenizer: Tokenizer;
  readonly chat: ChatTemplates;
  readonly contextLength: number;
  /** How the models' files were opened, for those that are read later. */
  readonly sources: OpenSourceOptions;
  readonly memory: MemoryFacts;
}

/** What of a configuration has to do with text. */
export type ConfigFacts = Pick<
  ModelConfig,
  "vocabSize" | "contextLength" | "longestContext" | "bosTokenId" | "eosTokenIds"
>;

/** A model before its weights. */
export interface Outline<Config extends ConfigFacts = ModelConfig> {
  readonly role: LoadProgress["model"];
  /** What `files` was found in: of a GGUF file, the folder. */
  readonly folder: OpenedSource;
  readonly files: ModelFiles;
  readonly config: Config;
  readonly tokenizer: Tokenizer | undefined;
  /** What the model's head is trimmed to. */
  readonly vocabulary?: readonly number[] | undefined;
  readonly dtype: Dtype;
  readonly chat: ChatTemplates;
}

/** The models of an engine before their weights, found to go together. */
export interface Outlines {
  readonly target: Outline;
  readonly draft: Outline | undefined;
  readonly tokenizer: Tokenizer;
  readonly chat: ChatTemplates;
  readonly contextLength: number;
}

const DEFAULT_CONTEXT = 4096;

export async function outlineModels(options: ResolvedLoad, hooks: LoadHooks): Promise<Outlines> {
  const [target, whole] = await outlines(options, hooks);
  const { tokenizer, chat } = target;
  if (!tokenizer) throw tokenizerMissing(target.files.label);
  if (whole) {
    assertSameVocabulary(
      { vocabSize: target.config.vocabSize, tokenizer },
      { vocabSize: whole.config.vocabSize, tokenizer: whole.tokenizer },
    );
  }
  const wanted = options.draft?.vocabulary;
  const vocabulary = keptVocabulary(wanted, tokenizer, target.config.vocabSize);
  const draft = whole && { ...whole, vocabulary };
  return {
    target,
    draft,
    tokenizer,
    chat,
    contextLength: chooseContext(options.contextLength, target, draft),
  };
}

export async function loadModels(
  gpu: Gpu,
  options: ResolvedLoad,
  hooks: LoadHooks,
): Promise<LoadedModels> {
  const { target, draft, tokenizer, chat, contextLength } = await outlineModels(options, hooks);
  const shares = draft?.files === target.files && draft.config.layers <= target.config.layers;
  const opened: PlannedWeights[] = [];
  const plan = async ({ files, config, dtype }: Outline): Promise<PlannedWeights> => {
    const planned = await planWeights(files, config, dtype);
    opened.push(planned);
    return planned;
  };
  try {
    const weights = await plan(target);
    const ownWeights = draft && !shares ? await plan(draft) : undefined;
    // Its turn comes later; a connection that waits for minutes may break.
    ownWeights?.source.dispose();
    const memory = planMemory(
      { ...target, weights },
      draft && { ...draft, weights: ownWeights },
      contextLength,
      gpu.device.limits,
    );
    const onGpu = async (from: Outline, planned: PlannedWeights): Promise<LoadedModel> => {
      const model = await loadModel(gpu, gpu.buffers.child(from.role), from.files, {
        config: from.config,
        dtype: from.dtype,
        contextLength,
        planned,
        vocabulary: from.vocabulary,
        signal: hooks.signal,
        onProgress: (progress) => hooks.onProgress({ model: from.role, ...progress }),
      });
      throwIfAborted(hooks.signal);
      return { label: from.files.label, model };
    };
    const loaded = await onGpu(target, weights);
    const sources = hooks.sources ?? {};
    const shared = { tokenizer, chat, contextLength, sources, memory };
    const all = { target: loaded, draft: undefined, ...shared };
    if (!draft) return all;
    if (ownWeights) return { ...all, draft: await onGpu(draft, ownWeights) };
    const room = gpu.buffers.child("draft");
    const model = firstLayers(room, loaded.model, draft.config, draft.vocabulary);
    return { ...all, draft: { label: loaded.label, model } };
  } finally {
    for (const { source } of opened) source.dispose();
  }
}

async function outlines(
  { target, draft }: ResolvedLoad,
  hooks: LoadHooks,
): Promise<[Outline, Outline | undefined]> {
  if (!draft || !isSameModel(target, draft) || target.dtype !== draft.dtype) {
    return Promise.all([
      outline("target", target, hooks, readConfig),
      draft && outline("draft", draft, hooks, readConfig),
    ]);
  }
  // The target's own layers, perhaps fewer of them: nothing but the configuration differs.
  const own = await outline("target", target, hooks, readConfig);
  return [own, { ...own, role: "draft", config: await readConfig(own.files, draft.layers) }];
}

/** `read` checks the configuration. */
export async function outline<Config extends ConfigFacts>(
  role: LoadProgress["model"],
  { model: source, layers, file, dtype }: ResolvedModel,
  { signal, onProgress, onOpen, sources, tokenizer: given }: LoadHooks,
  read: (files: ModelFiles, layers?: number) => Promise<Config>,
): Promise<Outline<Config>> {
  const folder = await openSource(source, {
    ...sources,
    signal,
    onProgress: (progress) => onProgress({ model: role, ...progress }),
  });
  // Files that were handed in are on the device; the page knows them.
  const listed = typeof source === "string" ? await folder.list() : undefined;
  onOpen?.(role, folder, plannedFiles(listed ?? [], file));
  const files = await openModelFiles(folder, file);
  const config = await read(files, layers);
  const own = role === "target" ? given : undefined;
  const { tokenizer, chat } = await readTextParts(files, config, own, {
    isListed: typeof source !== "string" || listed !== undefined,
    onProgress: (progress) => onProgress({ model: role, ...progress }),
  });
  if (tokenizer && tokenizer.vocabSize > config.vocabSize) {
    throw new CoppiceError(
      "tokenizer-invalid",
      `The tokenizer of ${files.label} has ${tokenizer.vocabSize} tokens, its model only ${config.vocabSize}.`,
      "Use the tokenizer.json that belongs to this model.",
    );
  }
  return { role, folder, files, config, tokenizer, dtype, chat };
}

type Limited = Pick<Outline<ConfigFacts>, "role" | "config">;

export function chooseContext(
  wanted: number | undefined,
  target: Limited,
  draft: Limited | undefined,
): number {
  const limits = [target, ...(draft ? [draft] : [])];
  if (wanted === undefined) {
    return Math.min(DEFAULT_CONTEXT, ...limits.map(({ config }) => config.contextLength));
  }
  for (const { role, config } of limits) {
    if (wanted <= config.longestContext) continue;
    throw new CoppiceError(
      "option-invalid",
      `contextLength is ${wanted}; the ${role} model allows at most ${config.longestContext}.`,
      `Set contextLength to a whole number from 2 to ${config.longestContext}, or leave it out.`,
    );
  }
  return wanted;
}

export function tokenizerMissing(label: string): CoppiceError {
  return new CoppiceError(
    "file-missing",
    `${label} has no tokenizer.json.`,
    "Add the model's tokenizer.json beside its config.json.",
  );
}
