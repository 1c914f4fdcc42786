/** What an engine will take on the GPU, told before its weights are downloaded: the code that allocates runs on buffers that only count. */
import { type BufferLimits, type BufferScope, countingScope } from "../gpu/index.ts";
import type { ModelConfig } from "../model/config.ts";
import { countModel, LanguageModel } from "../model/index.ts";
import type { PlannedWeights } from "../model/weights/index.ts";
import type { MemoryFacts } from "../stream-part.ts";
import { MAX_CANDIDATES, MAX_NODES, sequenceBuffers } from "../tree/index.ts";
import type { Outline } from "./host-models.ts";

/** Cache slots beyond the context: as many as the largest tree of each model has nodes. */
export const EXTRA_SLOTS = { target: MAX_NODES, draft: MAX_CANDIDATES } as const;

export interface PlannedModel extends Pick<Outline, "config" | "vocabulary"> {
  /** Undefined: the target's own. */
  readonly weights: Pick<PlannedWeights, "plan" | "types"> | undefined;
}

/**
 * @param limits of the device; what exceeds them is refused as it would be there
 * @throws CoppiceError `buffer-too-large`, with the buffer's name, its size and the limit
 */
export function planMemory(
  target: PlannedModel & { readonly weights: NonNullable<PlannedModel["weights"]> },
  draft: PlannedModel | undefined,
  contextLength: number,
  limits: BufferLimits,
): MemoryFacts {
  const scope = countingScope(limits);
  const model = countModel(scope.child("target"), target.weights, target.config, contextLength);
  const drafting = draft && countDraft(draft);
  const weights = scope.bytes;
  sequenceBuffers(scope.child("cache"), model, EXTRA_SLOTS.target, limits);
  if (drafting) sequenceBuffers(scope.child("cache"), drafting, EXTRA_SLOTS.draft, limits);
  return { weights, caches: scope.bytes - weights };

  function countDraft({ config, vocabulary, weights: own }: PlannedModel): LanguageModel {
    const room = scope.child("draft");
    if (own) return countModel(room, own, config, contextLength, vocabulary);
    return firstLayers(room, model, config, vocabulary);
  }
}

/** A model made of another's first layers, which takes no memory but its tables. */
export function firstLayers(
  scope: BufferScope,
  model: LanguageModel,
  config: ModelConfig,
  vocabulary: readonly number[] | undefined,
): LanguageModel {
  const weights = { ...model.weights, layers: model.weights.layers.slice(0, config.layers) };
  return new LanguageModel(scope, config, weights, model.contextLength, vocabulary);
}
