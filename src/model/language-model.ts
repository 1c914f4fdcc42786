/** A loaded language model: its configuration, weights and rotary table on the GPU. */
import { type BufferScope, type BufferSlice, keptTokens } from "../kernels/index.ts";
import type { ModelConfig } from "./config.ts";
import { ropeTable } from "./rope.ts";
import type { ModelWeights } from "./weights/index.ts";

/** Positions past the context that a tree, or the padding of a prompt's last chunk, may still ask for. */
export const EXTRA_POSITIONS = 128;

/** Some tokens of the vocabulary, as `norm-matmul-kept` reads them. */
export interface KeptTokens {
  readonly count: number;
  readonly slice: BufferSlice;
}

export class LanguageModel {
  readonly config: ModelConfig;
  readonly weights: ModelWeights;
  /** Each layer's rotary table `[contextLength + EXTRA_POSITIONS, headDim]`; layers that rotate alike share one. */
  readonly ropes: readonly BufferSlice[];
  /** Tokens of prompt and output together. */
  readonly contextLength: number;
  /** What the head is trimmed to; undefined where it has every token. */
  readonly kept: KeptTokens | undefined;
  readonly #scope: BufferScope;

  constructor(
    scope: BufferScope,
    config: ModelConfig,
    weights: ModelWeights,
    contextLength: number,
    vocabulary?: readonly number[],
  ) {
    this.#scope = scope;
    this.config = config;
    this.weights = weights;
    this.contextLength = contextLength;
    this.kept = vocabulary && {
      count: vocabulary.length,
      slice: scope.upload("kept tokens", keptTokens(vocabulary, config.vocabSize)),
    };
    const tables = new Map<string, BufferSlice>();
    this.ropes = config.layerAttention.map(({ rope }) => {
      const key = JSON.stringify(rope);
      const { headDim } = config;
      const positions = contextLength + EXTRA_POSITIONS;
      const make = () => ropeTable(positions, headDim, rope, contextLength);
      const table = tables.get(key) ?? scope.fill("rope", 4 * positions * headDim, make);
      tables.set(key, table);
      return table;
    });
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
