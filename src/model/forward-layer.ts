/** Records one layer of a forward pass: attention, then feed-forward, each added onto the residual stream. */
import {
  attentionTile,
  attentionTree,
  attentionTreeGrid,
  laneCount,
  matmulAdd,
  matmulAddGrid,
  normAdd,
  normAddGrid,
  normRope,
  normRopeGrid,
  qkvRope,
  qkvRopeGrid,
  rowTile,
  swiglu,
  swigluGrid,
} from "../kernels/index.ts";
import type { BufferSlice, Gpu } from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";
import type { Recorder } from "./forward.ts";
import type { WeightMatrix } from "./weights/index.ts";

/** Dispatches that every layer costs; `recordLayer` makes exactly these. */
export function dispatchesPerLayer(config: ModelConfig): number {
  return 5 + (config.qkNorm ? 1 : 0) + (config.postNorms ? 2 : 0);
}

export function recordLayer(recorder: Recorder, index: number): void {
  recordAttention(recorder, index);
  recordFeedForward(recorder, index);
}

// Constants that equal a kernel's defaults are left out: models without a part share the pipelines of those that never had it.

function recordAttention(recorder: Recorder, index: number): void {
  const { gpu, scope, model, pass, recording } = recorder;
  const { config, weights } = model;
  const layer = weights.layers[index]!;
  const { heads, kvHeads, headDim, rmsNormEps: eps } = config;
  const { rowTable: rows, x, q, mixed } = pass.scratch;
  const [kv, rope] = [pass.cache[index]!, model.ropes[index]!];
  const shape = { heads, kv_heads: kvHeads, head_dim: headDim, slots: pass.slots };

  const project = gpu.kernels.compile(qkvRope, {
    ...tiled(gpu, pass.rows, layer.qkv),
    constants: { ...(config.qkvBias && { BIAS: 1 }), ...(config.qkNorm && { ROTATE: 0 }) },
  });
  recording.dispatch(
    project.bind(
      scope,
      { x, gain: layer.attentionNorm, w: layer.qkv.slice, rope, rows, q, kv },
      { rows: pass.rows, k4: layer.qkv.k / 4, ...shape, eps },
    ),
    qkvRopeGrid(layer.qkv.cols, pass.rows),
  );

  if (layer.headNorms) {
    const lanes = gpu.adapter.fallback ? SOFTWARE_LANES : normRope.statics.WORKGROUP_SIZE;
    const norm = gpu.kernels.compile(normRope, { statics: { WORKGROUP_SIZE: lanes } });
    recording.dispatch(
      norm.bind(scope, { gains: layer.headNorms, rope, rows, q, kv }, { ...shape, eps }),
      normRopeGrid(heads, kvHeads, pass.rows),
    );
  }

  const attend = gpu.kernels.compile(attentionTree, {
    statics: { ...pass.treeStatics, TILE: attentionTile(headDim) },
    constants: attentionConstants(config, index, model.contextLength),
  });
  recording.dispatch(
    attend.bind(scope, { q, kv, rows, tree: pass.tree, out: mixed }, shape),
    attentionTreeGrid(heads, pass.rows),
  );

  recordProjection(recorder, layer.attentionOut, mixed, layer.attentionPostNorm);
}

function attentionConstants(config: ModelConfig, index: number, contextLength: number) {
  const { headDim, queryScalar, attentionSoftcap } = config;
  const { window } = config.layerAttention[index]!;
  return {
    ...(window !== undefined && window < contextLength && { WINDOW: window }),
    ...(queryScalar !== headDim && { QUERY_SCALAR: queryScalar }),
    ...(attentionSoftcap !== undefined && { SOFTCAP: attentionSoftcap }),
  };
}

function recordFeedForward(recorder: Recorder, index: number): void {
  const { gpu, scope, model, pass, recording } = recorder;
  const { x, hidden } = pass.scratch;
  const layer = model.weights.layers[index]!;
  const { intermediateSize: cols, rmsNormEps: eps, activation } = model.config;
  const pipeline = gpu.kernels.compile(swiglu, {
    ...tiled(gpu, pass.rows, layer.gateUp),
    constants: activation === "gelu-tanh" ? { GELU: 1 } : {},
  });
  recording.dispatch(
    pipeline.bind(
      scope,
      { x, gain: layer.mlpNorm, w: layer.gateUp.slice, h: hidden },
      { rows: pass.rows, cols, k4: layer.gateUp.k / 4, eps },
    ),
    swigluGrid(cols, pass.rows),
  );
  recordProjection(recorder, layer.down, hidden, layer.mlpPostNorm);
}

/** Adds a matrix product onto the residual stream, normed first where there is a gain for that. */
function recordProjection(
  { gpu, scope, model, pass, recording }: Recorder,
  matrix: WeightMatrix,
  x: BufferSlice,
  gain: BufferSlice | undefined,
): void {
  const { scratch, rows } = pass;
  const product = gain ? scratch.projected! : scratch.x;
  const multiply = gpu.kernels.compile(matmulAdd, {
    ...tiled(gpu, rows, matrix),
    constants: gain ? { ADD: 0 } : {},
  });
  recording.dispatch(
    multiply.bind(
      scope,
      { x, w: matrix.slice, y: product },
      { rows, cols: matrix.cols, k4: matrix.k / 4 },
    ),
    matmulAddGrid(matrix.cols, rows),
  );
  if (!gain) return;
  const lanes = laneCount(matrix.cols, mostLanes(gpu));
  const add = gpu.kernels.compile(normAdd, { statics: { WORKGROUP_SIZE: lanes } });
  recording.dispatch(
    add.bind(
      scope,
      { y: product, gain, x: scratch.x },
      { k4: matrix.cols / 4, eps: model.config.rmsNormEps },
    ),
    normAddGrid(rows),
  );
}

/** Lanes of a workgroup where the lanes run one after another. */
export const SOFTWARE_LANES = 4;

function mostLanes(gpu: Gpu): number | undefined {
  return gpu.adapter.fallback ? SOFTWARE_LANES : undefined;
}

/**
 * The variant for a matrix and a number of rows. Lanes depend on the adapter and the matrix alone, so the row tile
 * never changes a row's bits.
 */
export function tiled(gpu: Gpu, rows: number, matrix: WeightMatrix) {
  const statics = {
    ROWS: rowTile(rows),
    WORKGROUP_SIZE: laneCount(matrix.k, mostLanes(gpu), matrix.type),
  };
  return { statics, weights: matrix.type } as const;
}
