/** Keys and values of one model: a slot per position, and slack beyond the context for the nodes of a tree. */
import type { BufferScope, BufferSlice } from "../model/index.ts";

/** What the cache needs to know of a model. */
export interface CacheShape {
  readonly layers: number;
  /** Key/value heads times head size. */
  readonly kvDim: number;
  /** Slots: the context plus room for a tree. */
  readonly slots: number;
}

/** Consecutive layers in one buffer, so that one dispatch compacts them all. */
export interface CacheBlock {
  readonly slice: BufferSlice;
  /** Planes of `[slots, kvDim]`: two per layer. */
  readonly planes: number;
}

export interface KvCache {
  readonly slots: number;
  readonly kvDim: number;
  /** One layer each: `[2, slots, kvDim]` f32, keys first. */
  readonly layers: readonly BufferSlice[];
  readonly blocks: readonly CacheBlock[];
}

/** Slots come in multiples of this, so that every layer starts at a legal binding offset (256 bytes). */
const SLOT_STEP = 64;

/**
 * Allocates the cache in as few buffers as the binding limit `maxBytes` allows.
 * @throws CoppiceError `buffer-too-large` where a single layer exceeds the limit.
 */
export function createKvCache(scope: BufferScope, shape: CacheShape, maxBytes: number): KvCache {
  const slots = Math.ceil(shape.slots / SLOT_STEP) * SLOT_STEP;
  const layerBytes = 2 * slots * shape.kvDim * 4;
  const perBlock = Math.max(1, Math.min(shape.layers, Math.floor(maxBytes / layerBytes)));
  const layers: BufferSlice[] = [];
  const blocks: CacheBlock[] = [];
  for (let first = 0; first < shape.layers; first += perBlock) {
    const count = Math.min(perBlock, shape.layers - first);
    const slice = scope.storage(`kv ${first}..${first + count - 1}`, count * layerBytes);
    blocks.push({ slice, planes: 2 * count });
    for (let i = 0; i < count; i++) {
      layers.push({ buffer: slice.buffer, offset: i * layerBytes, size: layerBytes });
    }
  }
  return { slots, kvDim: shape.kvDim, layers, blocks };
}
