/** A model as it would be on the GPU, to see beforehand what it takes. */
import type { BufferScope } from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";
import { LanguageModel } from "./language-model.ts";
import { WeightBuffer } from "./weights/buffer.ts";
import { gatherWeights, type PlannedWeights } from "./weights/index.ts";

/**
 * Its weights count as long as they keep their planned types: one that proves too large for f16 becomes f32 while it is loaded.
 * @param scope one that counts
 * @throws CoppiceError `buffer-too-large`
 */
export function countModel(
  scope: BufferScope,
  { plan, types }: Pick<PlannedWeights, "plan" | "types">,
  config: ModelConfig,
  contextLength: number,
  vocabulary?: readonly number[],
): LanguageModel {
  const weights = scope.child("weights");
  const buffers = [...types].map(([buffer, type]) => new WeightBuffer(weights, buffer, type));
  const parts = gatherWeights(plan, buffers);
  return new LanguageModel(scope, config, parts, contextLength, vocabulary);
}
