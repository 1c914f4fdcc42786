/** Records the commit of a cache: the kept path's keys and values move to the end of the prefix, in place. */
import { kvCompact, kvCompactGrid, Recording } from "../model/index.ts";
import type { BufferScope, Gpu } from "../model/index.ts";
import type { KvCache } from "./kv-cache.ts";
import type { TreeState } from "./tree-state.ts";

/** One dispatch per cache block. `lag` is 0 for the target's cache, 1 for a draft's, which is one token behind. */
export function recordCompaction(
  gpu: Gpu,
  scope: BufferScope,
  cache: Pick<KvCache, "blocks" | "slots" | "kvDim">,
  state: TreeState,
  lag: 0 | 1,
): Recording {
  const recording = new Recording();
  const pipeline = gpu.kernels.compile(kvCompact, { statics: state.statics });
  const kvDim4 = cache.kvDim / 4;
  for (const { slice, planes } of cache.blocks) {
    const bound = pipeline.bind(
      scope,
      { control: state.control, tree: state.tree, kv: slice },
      { planes, slots: cache.slots, kv_dim4: kvDim4, lag },
    );
    recording.dispatch(bound, kvCompactGrid(kvDim4, planes));
  }
  return recording;
}
