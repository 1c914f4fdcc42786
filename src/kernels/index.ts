/** One binding per shader of `shaders/`, and what the layers above need of the GPU layer. */
export { countingScope, Recording } from "../gpu/index.ts";
export type {
  BoundKernel,
  BufferLimits,
  BufferScope,
  BufferSlice,
  Gpu,
  Grid,
  KernelSpec,
  Pipeline,
  WeightType,
} from "../gpu/index.ts";
export { laneCount, rowTile, type RowTile } from "./row-tile.ts";
export * from "./weight-layout.ts";
export { WEIGHT_READERS } from "./weight-readers.ts";

// The forward pass.
export * from "./attention-tree.ts";
export * from "./embed-rows.ts";
export * from "./matmul-add.ts";
export * from "./norm-add.ts";
export * from "./norm-matmul.ts";
export * from "./norm-matmul-kept.ts";
export * from "./norm-rope.ts";
export * from "./qkv-rope.ts";
export * from "./swiglu.ts";

// Loading weights.
export * from "./quantise-rows.ts";

// Growing and verifying a tree.
export * from "./argmax-rows.ts";
export * from "./beam-scores.ts";
export * from "./copy-rows.ts";
export * from "./draw-paths.ts";
export * from "./edit-rows.ts";
export * from "./edits-layout.ts";
export * from "./extend-history.ts";
export * from "./gather-log-probs.ts";
export * from "./grow-level.ts";
export * from "./kv-compact.ts";
export * from "./momentum-candidates.ts";
export * from "./node-log-probs.ts";
export * from "./prune-tree.ts";
export * from "./surprise-layout.ts";
export * from "./surprise-rows.ts";
export * from "./top-candidates.ts";
export * from "./tree-layout.ts";
export * from "./verify-match.ts";
export * from "./verify-mirostat.ts";
export * from "./verify-paths.ts";
export * from "./verify-recursive.ts";
export * from "./verify-traversal.ts";
export * from "./warp-rows.ts";

// Drafts on one chain of mixed embeddings.
export * from "./embed-mix.ts";
export * from "./superpose-step.ts";
export * from "./superposed-layout.ts";

// Texts side by side.
export * from "./beam-layout.ts";
export * from "./beam-step.ts";
export * from "./pick-rows.ts";

// Contrastive search.
export * from "./contrast-rows.ts";
export * from "./contrast-step.ts";
export * from "./keep-row.ts";
export * from "./unit-rows.ts";
