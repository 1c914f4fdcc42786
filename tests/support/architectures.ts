// A tiny model per architecture, of awkward shapes and with all the parts that the architecture may have.
import type { ReferenceConfig } from "../reference/decoder-forward.ts";
import type { TinyModelOptions } from "./tiny-model.ts";

export interface ArchitectureCase extends TinyModelOptions {
  readonly fields?: Omit<Partial<ReferenceConfig>, "model_type">;
}

const SHORT_WINDOW = 7;
/** Longer than a tile of keys (32), and no multiple of it. */
const LONG_WINDOW = 37;

/** Gemma 3 as it is published: every other layer with a window, two rotary bases, and the outer one scaled. */
export const GEMMA: ArchitectureCase = {
  architecture: "gemma3_text",
  hidden: 40,
  heads: 4,
  kvHeads: 1,
  headDim: 12,
  intermediate: 52,
  layers: 4,
  fields: {
    sliding_window: SHORT_WINDOW,
    sliding_window_pattern: 2,
    query_pre_attn_scalar: 24,
    rope_theta: 1e6,
    rope_local_base_freq: 10_000,
    rope_scaling: { rope_type: "linear", factor: 8 },
  },
};

export const QWEN3: ArchitectureCase = {
  architecture: "qwen3",
  hidden: 36,
  heads: 4,
  kvHeads: 2,
  headDim: 20,
  intermediate: 44,
  fields: { rope_theta: 1e6 },
};

export const QWEN2: ArchitectureCase = {
  architecture: "qwen2",
  hidden: 28,
  heads: 7,
  kvHeads: 1,
  headDim: 4,
  layers: 3,
  fields: { use_sliding_window: true, sliding_window: SHORT_WINDOW, max_window_layers: 1 },
};

export const MISTRAL: ArchitectureCase = {
  architecture: "mistral",
  heads: 3,
  kvHeads: 3,
  headDim: 24,
  hidden: 44,
  tied: false,
  fields: { sliding_window: LONG_WINDOW },
};

export const ARCHITECTURES: readonly [string, ArchitectureCase][] = [
  ["mistral, a window", MISTRAL],
  ["qwen2, biases and windows from layer 1 on", QWEN2],
  ["qwen3, normed heads", QWEN3],
  ["gemma3, two windows, two rotary bases", GEMMA],
  [
    "gemma3, made in bf16, soft caps, an own head",
    {
      ...GEMMA,

      layers: 2,
      tied: false,
      fields: {
        ...GEMMA.fields,
        attn_logit_softcapping: 3,
        final_logit_softcapping: 2,
        // What the embedding scale is rounded to; the tensors are f32 for the sake of shared pipelines.
        torch_dtype: "bfloat16",
      },
    },
  ],
];

const LLAMA3 = {
  rope_type: "llama3",
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 40,
};

/** Llamas whose rotary positions are scaled. */
export const SCALINGS: readonly [string, ArchitectureCase][] = [
  ["linear", { fields: { rope_scaling: { type: "linear", factor: 2.5 } } }],
  [
    "dynamic, within the trained length",
    { fields: { rope_scaling: { type: "dynamic", factor: 4 } } },
  ],
  ["llama3", { headDim: 16, fields: { rope_scaling: LLAMA3 } }],
  [
    "yarn",
    {
      headDim: 16,
      fields: {
        rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 64 },
      },
    },
  ],
];
