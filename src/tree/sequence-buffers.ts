/** What a sequence needs beside its model: a cache, activations, a tree. */
import { type BufferLimits, createScratch } from "../model/index.ts";
import type { BufferScope, LanguageModel, Scratch } from "../model/index.ts";
import { createKvCache, type KvCache } from "./kv-cache.ts";
import { MAX_NODES } from "./tree-plan.ts";
import { TreeState } from "./tree-state.ts";

export interface SequenceBuffers {
  readonly cache: KvCache;
  readonly scratch: Scratch;
  readonly state: TreeState;
}

/**
 * @param extraSlots cache slots beyond the context
 * @throws CoppiceError `buffer-too-large`
 */
export function sequenceBuffers(
  scope: BufferScope,
  model: LanguageModel,
  extraSlots: number,
  { maxBufferSize, maxStorageBufferBindingSize }: BufferLimits,
): SequenceBuffers {
  const slots = model.contextLength + Math.max(extraSlots, MAX_NODES);
  const shape = { layers: model.weights.layers.length, kvDim: model.kvDim, slots };
  return {
    cache: createKvCache(scope, shape, Math.min(maxStorageBufferBindingSize, maxBufferSize)),
    scratch: createScratch(scope, model.config, MAX_NODES, MAX_NODES),
    state: new TreeState(scope),
  };
}
