/** Puts the engine together: a device, the models on it, their caches, and a session per decoder. */
import { type ResolvedDecoder, resolveGenerateOptions } from "../decoder/generate-options.ts";
import { armsFor, treeOf } from "../decoder/adaptive/arms.ts";
import { ALL_CAPABILITIES } from "../decoder/offers.ts";
import type { ModelSource } from "../options.ts";
import type { ResolvedLoad } from "../decoder/load-options.ts";
import type { TextDecoder } from "../decoder/decode.ts";
import { throwIfAborted } from "../errors.ts";
import { type BufferScope, type Gpu, measureRoundTrip, openGpu } from "../gpu/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { countNumbers, planTensors } from "../model/weights/plan.ts";
import type { EngineFacts, ModelFacts } from "../stream-part.ts";
import type { ChatTemplates, Tokenizer } from "../tokenizer/index.ts";
import {
  type BeamShape,
  GpuBeamSession,
  GpuContrastiveSession,
  GpuRoundSession,
  GpuSamplesSession,
  GpuSuperposedSession,
  planTree,
  type RoundSession,
  type SamplesShape,
  type TreePlan,
  TreeSession,
} from "../tree/index.ts";
import type {
  BackendTokenizer,
  EngineBackend,
  LoadHooks,
  OpenBackend,
  SuperposedPlan,
} from "./host-backend.ts";
import { type LoadedModel, type LoadedModels, loadModels } from "./host-models.ts";
import { ModelNgrams } from "./host-ngrams.ts";
import { EXTRA_SLOTS } from "./host-memory.ts";
import { LastSession } from "./host-session.ts";

/** Loads the models onto the GPU. */
export const openGpuBackend: OpenBackend = async (options: ResolvedLoad, hooks: LoadHooks) => {
  const gpu = await openGpu();
  try {
    throwIfAborted(hooks.signal);
    const models = await loadModels(gpu, options, hooks);
    const engine = await gpu.guardMemory("making room for the caches", () =>
      Promise.resolve(new GpuEngine(gpu, models, options.target.model)),
    );
    throwIfAborted(hooks.signal);
    // Compiles every kernel now, so that the first token does not wait for it and a fault shows here.
    const hasDraft = options.draft !== undefined;
    const { decoder } = resolveGenerateOptions({}, { ...engine.facts, hasDraft });
    await engine.openSession(decoder);
    throwIfAborted(hooks.signal);
    engine.roundTrip = await measureRoundTrip(gpu);
    throwIfAborted(hooks.signal);
    return engine;
  } catch (error) {
    gpu.dispose();
    throw error;
  }
};

class GpuEngine implements EngineBackend {
  roundTrip = 0;
  readonly facts: EngineFacts;
  readonly tokenizer: BackendTokenizer;
  readonly endOfText: ReadonlySet<number>;
  readonly ngrams: ModelNgrams;
  readonly #gpu: Gpu;
  readonly #vocabSize: number;
  /** The caches; sessions come and go, these stay. */
  readonly #target: TreeSession;
  readonly #draft: TreeSession | undefined;
  readonly #rounds: LastSession<RoundSession>;
  readonly #drafts: LastSession<GpuSuperposedSession>;
  readonly #beams: LastSession<GpuBeamSession>;
  readonly #samples: LastSession<GpuSamplesSession>;

  constructor(gpu: Gpu, models: LoadedModels, source: ModelSource) {
    const { target, draft, tokenizer, contextLength, memory } = models;
    this.#gpu = gpu;
    this.#vocabSize = target.model.config.vocabSize;
    this.#target = this.#cache(target, EXTRA_SLOTS.target);
    this.#draft = draft && this.#cache(draft, EXTRA_SLOTS.draft);
    this.tokenizer = backendTokenizer(tokenizer, models.chat);
    this.endOfText = new Set(tokenizer.endOfText);
    this.ngrams = new ModelNgrams(source, this.#vocabSize, models.sources);
    this.#rounds = new LastSession(gpu, "rounds");
    this.#drafts = new LastSession(gpu, "superposed drafts");
    this.#beams = new LastSession(gpu, "beams");
    this.#samples = new LastSession(gpu, "samples");
    this.facts = {
      device: "webgpu",
      capabilities: ALL_CAPABILITIES,
      adapter: gpu.adapter,
      contextLength,
      vocabSize: this.#vocabSize,
      target: factsOf(target),
      ...(draft && { draft: factsOf(draft) }),
      memory,
      gpuBytes: gpu.bytes,
    };
  }

  openSession(decoder: ResolvedDecoder): Promise<RoundSession> {
    return this.#rounds.open(JSON.stringify(decoder), (scope) => this.#record(scope, decoder));
  }

  openSuperposed(key: string, plan: SuperposedPlan): Promise<GpuSuperposedSession> {
    const parts = { ...plan, target: this.#target };
    return this.#drafts.open(key, (scope) => GpuSuperposedSession.create(this.#gpu, scope, parts));
  }

  openBeams(shape: BeamShape): Promise<GpuBeamSession> {
    return this.#beams.open(JSON.stringify(shape), (scope) =>
      Promise.resolve(new GpuBeamSession(this.#gpu, scope, this.#target, shape)),
    );
  }

  openSamples(shape: SamplesShape): Promise<GpuSamplesSession> {
    return this.#samples.open(JSON.stringify(shape), (scope) =>
      Promise.resolve(new GpuSamplesSession(this.#gpu, scope, this.#target, shape)),
    );
  }

  dispose(): void {
    this.#gpu.dispose();
  }

  async #record(scope: BufferScope, decoder: ResolvedDecoder): Promise<RoundSession> {
    const target = this.#target;
    const { stages, mirostat, momentum, speculation, edited = false, logProbabilities } = decoder;
    if (decoder.contrastive) {
      const parts = { target, edited, logProbabilities, ...decoder.contrastive };
      return GpuContrastiveSession.create(this.#gpu, scope, parts);
    }
    const wanted = speculation?.verify ?? "coupled";
    const verify = wanted === "auto" ? "coupled" : wanted;
    const rules = { stages, mirostat, momentum, verify, edited, logProbabilities } as const;
    if (!speculation || !this.#draft) {
      return GpuRoundSession.create(this.#gpu, scope, { target, rules });
    }
    const plans = plansOf(speculation, stages.temperature, this.#vocabSize);
    return GpuRoundSession.create(this.#gpu, scope, {
      target,
      rules,
      speculation: { draft: this.#draft, plans },
    });
  }

  #cache({ model }: LoadedModel, extraSlots: number): TreeSession {
    return new TreeSession(this.#gpu, this.#gpu.buffers.child("cache"), model, { extraSlots });
  }
}

/** The tree that was asked for, or all that can be chosen from, each with its rule. */
function plansOf(
  { tree, verify }: NonNullable<ResolvedDecoder["speculation"]>,
  temperature: number,
  vocabSize: number,
): readonly TreePlan[] {
  if (tree.kind !== "auto") return [planTree(tree, vocabSize)];
  return armsFor(verify, temperature).flatMap((arm) => {
    const options = treeOf(arm);
    return options ? [{ ...planTree(options, vocabSize), verify: arm.verify ?? "coupled" }] : [];
  });
}

export function backendTokenizer(tokenizer: Tokenizer, chat: ChatTemplates): BackendTokenizer {
  return {
    beginOfText: tokenizer.beginOfText,
    formatChat: (messages, options) => chat.format(messages, options),
    encode: (text, how) => tokenizer.encode(text, how),
    textOf: (id, previous) => {
      const stream = tokenizer.stream(previous === undefined ? [] : [previous]);
      return stream.push(id) + stream.end() || (tokenizer.tokenOf(id) ?? "");
    },
    textDecoder: (prompt): TextDecoder => tokenizer.stream(prompt),
  };
}

function factsOf({ label, model }: LoadedModel): ModelFacts {
  const { layers, vocabSize, hiddenSize } = model.config;
  const vocabulary = model.kept?.count ?? vocabSize;
  // Rows of the head that no pass reads.
  const left = (vocabSize - vocabulary) * hiddenSize;
  return { label, layers, parameters: parameterCount(model.config) - left, vocabulary };
}

/** Numbers in the model's tensors, a table that is used twice counted once. */
export function parameterCount(config: ModelConfig): number {
  return countNumbers(planTensors(config));
}
