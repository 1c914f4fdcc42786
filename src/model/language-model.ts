/** A loaded language model: its configuration, weights and rotary table on the GPU. */
import type { BufferScope, BufferSlice } from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";
import { ropeTable } from "./rope.ts";
import type { ModelWeights } from "./weights/index.ts";

/** Positions past the context that a tree, or the padding of a prompt's last chunk, may still ask for. */
export const EXTRA_POSITIONS = 128;

export class LanguageModel {
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  /** Rotary table `[contextLength + EXTRA_POSITIONS, headDim]`. */
  readonly rope: BufferSlice;
  /** Tokens of prompt and output together. */
  readonly contextLength: number;
  readonly #scope: BufferScope;

  constructor(
    scope: BufferScope,
    config: ModelConfig,
    weights: ModelWeights,
    contextLength: number,
  ) {
    this.#scope = scope;
    this.config = config;
    this.weights = weights;
    this.contextLength = contextLength;
    this.rope = scope.upload(
      "rope",
      ropeTable(contextLength + EXTRA_POSITIONS, config.headDim, config.ropeTheta),
    );
  }

  /** Key/value heads times head size. */
  get kvDim(): number {
    return this.config.kvHeads * this.config.headDim;
  }

  /** Frees the weights and the table. */
  dispose(): void {
    this.#scope.dispose();
  }
}
