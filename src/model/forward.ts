/** Records one forward pass of a language model: tree nodes in, logits out. */
import {
  embedRows,
  embedRowsGrid,
  normMatmul,
  normMatmulGrid,
  normMatmulKept,
  Recording,
} from "../kernels/index.ts";
import type { BufferScope, BufferSlice, Gpu } from "../kernels/index.ts";
import { recordLayer, tiled } from "./forward-layer.ts";
import type { LanguageModel } from "./language-model.ts";
import type { Scratch } from "./scratch.ts";

export { dispatchesPerLayer, SOFTWARE_LANES } from "./forward-layer.ts";

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
export function recordForward(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: ForwardPass,
): Recording {
  const recording = recordEmbedding(gpu, scope, model, pass);
  recording.append(recordLayers(gpu, scope, model, pass));
  return recording;
}

/** The pass's first dispatch alone: its rows' embeddings, and where each row stands. */
export function recordEmbedding(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: ForwardPass,
): Recording {
  const { embedding } = model.weights;
  const recording = new Recording();
  const pipeline = gpu.kernels.compile(embedRows, {
    statics: pass.treeStatics,
    constants: scaledBy(model.config.embeddingScale),
    weights: embedding.type,
  });
  const { control, tree, scratch } = pass;
  const buffers = { control, tree, w: embedding.slice, rows: scratch.rowTable, x: scratch.x };
  const params = { cols4: embedding.k / 4, row_start: pass.rowStart, lag: pass.lag };
  recording.dispatch(pipeline.bind(scope, buffers, params), embedRowsGrid(pass.rows));
  return recording;
}

/** The rest of the pass, which does not depend on `rowStart`: one recording serves rows that stand elsewhere each time. */
export function recordLayers(
  gpu: Gpu,
  scope: BufferScope,
  model: LanguageModel,
  pass: Omit<ForwardPass, "rowStart">,
): Recording {
  const recording = new Recording();
  const recorder = { gpu, scope, model, pass, recording };
  for (let i = 0; i < model.weights.layers.length; i++) recordLayer(recorder, i);
  if (pass.headRows > 0) recordHead(recorder);
  return recording;
}

/** What records a pass's layers and head. */
export interface Recorder {
  readonly gpu: Gpu;
  readonly scope: BufferScope;
  readonly model: LanguageModel;
  readonly pass: Omit<ForwardPass, "rowStart">;
  readonly recording: Recording;
}

function recordHead({ gpu, scope, model, pass, recording }: Recorder): void {
  const { kept, config } = model;
  const { head, norm } = model.weights;
  const variant = {
    ...tiled(gpu, pass.headRows, head),
    constants: config.logitSoftcap === undefined ? {} : { SOFTCAP: config.logitSoftcap },
  };
  const buffers = { x: pass.scratch.x, gain: norm, w: head.slice, logits: pass.scratch.logits };
  const params = {
    rows: pass.headRows,
    first: pass.headFirst,
    k4: head.k / 4,
    eps: config.rmsNormEps,
  };
  if (kept) {
    const pipeline = gpu.kernels.compile(normMatmulKept, variant);
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
  const pipeline = gpu.kernels.compile(normMatmul, variant);
  recording.dispatch(
    pipeline.bind(scope, buffers, { ...params, cols: head.cols }),
    normMatmulGrid(head.cols, pass.headRows),
  );
}

/** The constant of the kernels that look embeddings up; nothing where there is nothing to scale. */
export function scaledBy(embeddingScale: number): { EMBED_SCALE?: number } {
  return embeddingScale === 1 ? {} : { EMBED_SCALE: embeddingScale };
}
