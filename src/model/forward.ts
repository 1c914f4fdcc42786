/** Records one forward pass of a language model: tree nodes in, logits out, five dispatches per layer. */
import {
  attentionTile,
  attentionTree,
  attentionTreeGrid,
  embedRows,
  embedRowsGrid,
  laneCount,
  matmulAdd,
  matmulAddGrid,
  normMatmul,
  normMatmulGrid,
  normMatmulKept,
  qkvRope,
  qkvRopeGrid,
  Recording,
  rowTile,
  swiglu,
  swigluGrid,
} from "../kernels/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../kernels/index.ts";
import type { LanguageModel } from "./language-model.ts";
import type { Scratch } from "./scratch.ts";
import type { LlamaLayer, WeightMatrix } from "./weights/index.ts";

/** Dispatches that every layer costs; `recordForward` makes exactly these. */
export const DISPATCHES_PER_LAYER = 5;

/** Which rows of which tree one pass computes. */
export interface ForwardPass {
  /** Nodes `rowStart .. rowStart + rows - 1`; at most the scratch's rows. */
  readonly rowStart: number;
  readonly rows: number;
  /** Of these rows, those whose logits are wanted: `headFirst .. headFirst + headRows - 1`, counted from `rowStart`. 0: none. */
  readonly headFirst: number;
  readonly headRows: number;
  /** How many tokens this model's cache is behind `control.base`: 0 for the target, 1 for a draft. */
  readonly lag: number;
  readonly control: BufferSlice;
  readonly tree: BufferSlice;
  /** Array lengths of `tree`. */
  readonly treeStatics: { readonly NODES: number; readonly LEVELS: number };
  /** One slice per layer, `[2, slots, kvDim]`. */
  readonly cache: readonly BufferSlice[];
  readonly slots: number;
  readonly scratch: Scratch;
}

/** The pass as a recording that can be replayed whenever the tree or the control block has changed. */
export async function recordForward(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: ForwardPass,
): Promise<Recording> {
  const recording = await recordEmbedding(gpu, scope, model, pass);
  recording.append(await recordLayers(gpu, scope, model, pass));
  return recording;
}

/** The pass's first dispatch alone: its rows' embeddings, and where each row stands. */
export async function recordEmbedding(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: ForwardPass,
): Promise<Recording> {
  const { embedding } = model.weights;
  const recording = new Recording();
  const pipeline = await gpu.kernels.compile(embedRows, {
    statics: pass.treeStatics,
    weights: embedding.type,
  });
  const { control, tree, scratch } = pass;
  const buffers = { control, tree, w: embedding.slice, rows: scratch.rowTable, x: scratch.x };
  const params = { cols4: embedding.k / 4, row_start: pass.rowStart, lag: pass.lag };
  recording.dispatch(pipeline.bind(scope, buffers, params), embedRowsGrid(pass.rows));
  return recording;
}

/** The rest of the pass, which does not depend on `rowStart`: one recording serves rows that stand elsewhere each time. */
export async function recordLayers(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: Omit<ForwardPass, "rowStart">,
): Promise<Recording> {
  const recording = new Recording();
  const recorder = { gpu, scope, model, pass, recording };
  for (let i = 0; i < model.weights.layers.length; i++) {
    const layer = model.weights.layers[i]!;
    await recordAttention(recorder, layer, pass.cache[i]!);
    await recordFeedForward(recorder, layer);
  }
  if (pass.headRows > 0) await recordHead(recorder);
  return recording;
}

interface Recorder {
  readonly gpu: Gpu;
  readonly scope: BufferScope;
  readonly model: LanguageModel;
  readonly pass: Omit<ForwardPass, "rowStart">;
  readonly recording: Recording;
}

async function recordAttention(
  recorder: Recorder,
  layer: LlamaLayer,
  kv: BufferSlice,
): Promise<void> {
  const { gpu, scope, model, pass, recording } = recorder;
  const { heads, kvHeads, headDim, rmsNormEps } = model.config;
  const { rowTable: rows, x, q, mixed } = pass.scratch;
  const shape = { heads, kv_heads: kvHeads, head_dim: headDim, slots: pass.slots };

  const project = await gpu.kernels.compile(qkvRope, tiled(gpu, pass.rows, layer.qkv));
  recording.dispatch(
    project.bind(
      scope,
      { x, gain: layer.attentionNorm, w: layer.qkv.slice, rope: model.ropes[0]!, rows, q, kv },
      { rows: pass.rows, k4: layer.qkv.k / 4, ...shape, eps: rmsNormEps },
    ),
    qkvRopeGrid(layer.qkv.cols, pass.rows),
  );

  const attend = await gpu.kernels.compile(attentionTree, {
    statics: { ...pass.treeStatics, TILE: attentionTile(headDim) },
  });
  recording.dispatch(
    attend.bind(scope, { q, kv, rows, tree: pass.tree, out: mixed }, shape),
    attentionTreeGrid(heads, pass.rows),
  );

  await recordProjection(recorder, layer.attentionOut, mixed);
}

async function recordFeedForward(recorder: Recorder, layer: LlamaLayer): Promise<void> {
  const { gpu, scope, model, pass, recording } = recorder;
  const { x, hidden } = pass.scratch;
  const { intermediateSize: cols, rmsNormEps: eps } = model.config;
  const pipeline = await gpu.kernels.compile(swiglu, tiled(gpu, pass.rows, layer.gateUp));
  recording.dispatch(
    pipeline.bind(
      scope,
      { x, gain: layer.mlpNorm, w: layer.gateUp.slice, h: hidden },
      { rows: pass.rows, cols, k4: layer.gateUp.k / 4, eps },
    ),
    swigluGrid(cols, pass.rows),
  );
  await recordProjection(recorder, layer.down, hidden);
}

/** Adds a matrix product onto the residual stream. */
async function recordProjection(
  { gpu, scope, pass, recording }: Recorder,
  matrix: WeightMatrix,
  x: BufferSlice,
): Promise<void> {
  const pipeline = await gpu.kernels.compile(matmulAdd, tiled(gpu, pass.rows, matrix));
  recording.dispatch(
    pipeline.bind(
      scope,
      { x, w: matrix.slice, y: pass.scratch.x },
      { rows: pass.rows, cols: matrix.cols, k4: matrix.k / 4 },
    ),
    matmulAddGrid(matrix.cols, pass.rows),
  );
}

async function recordHead({ gpu, scope, model, pass, recording }: Recorder): Promise<void> {
  const { kept, config } = model;
  const { head, norm } = model.weights;
  const variant = tiled(gpu, pass.headRows, head);
  const buffers = { x: pass.scratch.x, gain: norm, w: head.slice, logits: pass.scratch.logits };
  const params = {
    rows: pass.headRows,
    first: pass.headFirst,
    k4: head.k / 4,
    eps: config.rmsNormEps,
  };
  if (kept) {
    const pipeline = await gpu.kernels.compile(normMatmulKept, variant);
    recording.dispatch(
      pipeline.bind(
        scope,
        { ...buffers, kept: kept.slice },
        { ...params, count: kept.count, vocab: head.cols },
      ),
      normMatmulGrid(kept.count, pass.headRows),
    );
    return;
  }
  const pipeline = await gpu.kernels.compile(normMatmul, variant);
  recording.dispatch(
    pipeline.bind(scope, buffers, { ...params, cols: head.cols }),
    normMatmulGrid(head.cols, pass.headRows),
  );
}

/** Lanes of a workgroup where the lanes run one after another. */
export const SOFTWARE_LANES = 4;

/**
 * The variant for a matrix and a number of rows. Lanes depend on the adapter and the matrix alone, so the row tile
 * never changes a row's bits.
 */
function tiled(gpu: Gpu, rows: number, matrix: WeightMatrix) {
  const most = gpu.adapter.fallback ? SOFTWARE_LANES : undefined;
  const statics = { ROWS: rowTile(rows), WORKGROUP_SIZE: laneCount(matrix.k, most, matrix.type) };
  return { statics, weights: matrix.type } as const;
}
