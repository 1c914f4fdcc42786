/** Activations of one forward pass: allocated once for the largest pass, reused by all. */
import type { BufferScope, BufferSlice } from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";

export interface Scratch {
  /** Rows it was made for. */
  readonly rows: number;
  /** Rows of logits it was made for. */
  readonly logitRows: number;
  /** `[rows]` of Row: node, base, position, slot. */
  readonly rowTable: BufferSlice;
  /** Residual stream `[rows, hidden]`. */
  readonly x: BufferSlice;
  /** Queries `[rows, heads * headDim]`. */
  readonly q: BufferSlice;
  /** Attention output `[rows, heads * headDim]`. */
  readonly mixed: BufferSlice;
  /** What a block gives before its norm, `[rows, hidden]`, where there is one. */
  readonly projected: BufferSlice | undefined;
  /** Feed-forward activations `[rows, intermediate]`. */
  readonly hidden: BufferSlice;
  /** `[logitRows, vocab]`. */
  readonly logits: BufferSlice;
}

export function createScratch(
  scope: BufferScope,
  config: ModelConfig,
  rows: number,
  logitRows: number,
): Scratch {
  const f32 = (label: string, count: number) => scope.storage(label, count * 4);
  const attention = rows * config.heads * config.headDim;
  return {
    rows,
    logitRows,
    rowTable: f32("rows", rows * 4),
    x: f32("x", rows * config.hiddenSize),
    q: f32("q", attention),
    mixed: f32("mixed", attention),
    projected: config.postNorms ? f32("projected", rows * config.hiddenSize) : undefined,
    hidden: f32("hidden", rows * config.intermediateSize),
    logits: f32("logits", logitRows * config.vocabSize),
  };
}
