/** Weights from files to the GPU, a piece at a time: page memory never holds a whole tensor. */
import type { BufferScope, BufferSlice, Gpu } from "../../kernels/index.ts";
import type { Dtype } from "../../options.ts";
import type { ModelConfig } from "../config.ts";
import type { FileProgress, ModelFiles } from "../source/types.ts";
import { WeightBuffer, type WeightMatrix } from "./buffer.ts";
import { type BufferPlan, type TensorPlan, planBuffers } from "./plan.ts";
import { type PlannedWeights, planStore, planWeights } from "./planned.ts";
import { uploadWeights } from "./upload.ts";

export { type PlannedWeights, planStore, planWeights };
export type { WeightMatrix };

export interface LayerWeights {
  /** f32 `[hidden]`; where queries, keys and values have a bias, it stands behind the gain. */
  readonly attentionNorm: BufferSlice;
  /** Queries, keys and values stacked: `(heads + 2 kvHeads) * headDim` columns. */
  readonly qkv: WeightMatrix;
  /** f32 `[2, headDim]`: gains of the norms of query heads and of key heads. */
  readonly headNorms?: BufferSlice | undefined;
  readonly attentionOut: WeightMatrix;
  /** f32 `[hidden]`: gain of the norm of what attention gives. */
  readonly attentionPostNorm?: BufferSlice | undefined;
  /** f32 `[hidden]`. */
  readonly mlpNorm: BufferSlice;
  /** Gate, then up. */
  readonly gateUp: WeightMatrix;
  readonly down: WeightMatrix;
  /** f32 `[hidden]`: gain of the norm of what the feed-forward block gives. */
  readonly mlpPostNorm?: BufferSlice | undefined;
}

export interface ModelWeights {
  readonly embedding: WeightMatrix;
  readonly layers: readonly LayerWeights[];
  /** f32 `[hidden]`. */
  readonly norm: BufferSlice;
  /** The same object as `embedding` when they are tied. */
  readonly head: WeightMatrix;
}

export interface LoadWeightsOptions {
  /**
   * `"auto"`: f32 stays f32, f16 stays f16, bf16 becomes f16, or f32 where a matrix does not fit f16; blocks stay blocks.
   * `weightTypeOf` has the whole table.
   */
  readonly dtype: Dtype;
  /** What `planWeights` gave, where it was called before. */
  readonly planned?: PlannedWeights | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told after each piece; `totalBytes` counts what is needed of that file. */
  readonly onProgress?: ((progress: FileProgress) => void) | undefined;
}

/**
 * Loads a model's weights into `scope`. On failure all that this call allocated is freed.
 * @throws CoppiceError `file-missing`, `weights-invalid`, `tensor-missing`, `tensor-invalid`,
 * `buffer-too-large`, `out-of-memory`, `network`, `aborted`.
 */
export async function loadWeights(
  gpu: Gpu,
  scope: BufferScope,
  files: ModelFiles,
  config: ModelConfig,
  options: LoadWeightsOptions,
): Promise<ModelWeights> {
  const planned = options.planned ?? (await planWeights(files, config, options.dtype));
  const weights = scope.child("weights");
  try {
    const buffers: WeightBuffer[] = [];
    // First of all: a model too large for the GPU fails before it is downloaded.
    for (const some of inPieces(planBuffers(planned.plan))) {
      await gpu.guardMemory(`making room for ${files.label}`, async () => {
        for (const buffer of some) {
          buffers.push(new WeightBuffer(weights, buffer, planned.types.get(buffer)!));
        }
      });
    }
    await gpu.guardMemory(`loading ${files.label}`, () =>
      uploadWeights(gpu, weights, planned.source, buffers, options),
    );
    return gatherWeights(planned.plan, buffers);
  } catch (error) {
    weights.dispose();
    throw error;
  } finally {
    planned.source.dispose();
  }
}

/** Buffers as the parts of a model. */
export function gatherWeights(plan: TensorPlan, buffers: readonly WeightBuffer[]): ModelWeights {
  const byPlan = new Map(buffers.map((buffer) => [buffer.plan, buffer]));
  const matrix = (part: BufferPlan): WeightMatrix => byPlan.get(part)!.matrix;
  const vector = (part: BufferPlan): BufferSlice => byPlan.get(part)!.matrix.slice;
  const anyVector = (part: BufferPlan | undefined) => part && vector(part);
  const embedding = matrix(plan.embedding);
  return {
    embedding,
    layers: plan.layers.map((layer) => ({
      attentionNorm: vector(layer.attentionNorm),
      qkv: matrix(layer.qkv),
      headNorms: anyVector(layer.headNorms),
      attentionOut: matrix(layer.attentionOut),
      attentionPostNorm: anyVector(layer.attentionPostNorm),
      mlpNorm: vector(layer.mlpNorm),
      gateUp: matrix(layer.gateUp),
      down: matrix(layer.down),
      mlpPostNorm: anyVector(layer.mlpPostNorm),
    })),
    norm: vector(plan.norm),
    head: plan.head ? matrix(plan.head) : embedding,
  };
}

/** Numbers in the buffers of a piece; the last one may exceed it. */
const PIECE_NUMBERS = 2 ** 28;

/**
 * What is to be allocated, in pieces to be waited for: that there is no room is known late, and all that is asked for beyond it can
 * bring a machine to its knees.
 */
function* inPieces(plans: readonly BufferPlan[]): Generator<BufferPlan[]> {
  let piece: BufferPlan[] = [];
  let numbers = 0;
  for (const plan of plans) {
    piece.push(plan);
    numbers += plan.k * plan.parts.reduce((sum, { rows }) => sum + rows, 0);
    if (numbers < PIECE_NUMBERS) continue;
    yield piece;
    piece = [];
    numbers = 0;
  }
  yield piece;
}
