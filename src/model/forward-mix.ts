/** Records the input of a pass over superposed drafts, in place of the lookup of tokens. */
import { embedMix, embedMixGrid, Recording } from "../kernels/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../kernels/index.ts";
import { scaledBy } from "./forward.ts";
import type { LanguageModel } from "./language-model.ts";
import type { Scratch } from "./scratch.ts";

/** One row, the mix of the drafts' last tokens; it stands where a tree's root would. `recordLayers` is the rest. */
export function recordMix(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: { readonly control: BufferSlice; readonly drafts: BufferSlice; readonly scratch: Scratch },
): Recording {
  const { embedding } = model.weights;
  const cols4 = embedding.k / 4;
  const recording = new Recording();
  const pipeline = gpu.kernels.compile(embedMix, {
    constants: scaledBy(model.config.embeddingScale),
    weights: embedding.type,
  });
  const { control, drafts, scratch } = pass;
  const buffers = { control, drafts, w: embedding.slice, rows: scratch.rowTable, x: scratch.x };
  recording.dispatch(pipeline.bind(scope, buffers, { cols4 }), embedMixGrid(cols4));
  return recording;
}
