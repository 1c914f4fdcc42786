// Random tiny models of every architecture as files in memory: what most tests of the engine run on.
import type { ReferenceConfig } from "../reference/decoder-forward.ts";
import { normals } from "./random.ts";
import {
  type FileDtype,
  type TestTensor,
  testTensor,
  writeSafetensors,
} from "./safetensors-writer.ts";
import { tinyTokenizer } from "./tiny-tokenizer.ts";

export type TinyArchitecture = "llama" | "mistral" | "qwen2" | "qwen3" | "gemma3_text";

export interface TinyModelOptions {
  /** Default: "llama". */
  readonly architecture?: TinyArchitecture;
  /** Fields of `config.json` to add or to change, where no tensor's shape depends on them. */
  readonly fields?: Omit<Partial<ReferenceConfig>, "model_type">;
  readonly seed?: number;
  readonly layers?: number;
  readonly hidden?: number;
  readonly intermediate?: number;
  readonly heads?: number;
  readonly kvHeads?: number;
  readonly headDim?: number;
  readonly vocab?: number;
  readonly context?: number;
  readonly tied?: boolean;
  readonly dtype?: FileDtype;
  readonly ropeTheta?: number;
  /** How strongly the first layer moves the residual stream. */
  readonly strength?: number;
  /** Each further layer's strength relative to the one before; small values make truncated drafts agree more. */
  readonly decay?: number;
}

export interface TinyConfig extends ReferenceConfig {
  architectures: string[];
  model_type: TinyArchitecture;
  num_key_value_heads: number;
  head_dim: number;
  max_position_embeddings: number;
  rope_theta: number;
  hidden_act?: string;
  hidden_activation?: string;
  tie_word_embeddings: boolean;
  bos_token_id: number;
  eos_token_id: number;
  torch_dtype: string;
}

export interface TinyModel {
  /** `config.json`, `model.safetensors`, `tokenizer.json`, `tokenizer_config.json`. */
  readonly files: Record<string, Uint8Array<ArrayBuffer>>;
  readonly config: TinyConfig;
  /** What the file holds, as f64: input for tests/reference/decoder-forward.ts. */
  readonly tensors: Record<string, TestTensor>;
}

const CLASSES: Record<TinyArchitecture, string> = {
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  gemma3_text: "Gemma3ForCausalLM",
};

const TORCH: Record<FileDtype, string> = { F32: "float32", F16: "float16", BF16: "bfloat16" };

/** A JSON file's bytes. */
export function jsonFile(value: unknown): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(value));
}

/**
 * A model of random weights whose greedy text wanders instead of repeating one token. The same seed
 * and sizes give the same first layers whatever `layers` is, so a shallower one makes a draft.
 */
export function tinyModel(options: TinyModelOptions = {}): TinyModel {
  const { seed = 1, layers = 3, hidden = 32, heads = 4, kvHeads = 2, vocab = 300 } = options;
  const { intermediate = 88, context = 256, tied = true, dtype = "F32", strength = 3 } = options;
  const { architecture = "llama" } = options;
  const headDim = options.headDim ?? hidden / heads;
  const config: TinyConfig = {
    architectures: [CLASSES[architecture]],
    model_type: architecture,
    hidden_size: hidden,
    intermediate_size: intermediate,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: kvHeads,
    head_dim: headDim,
    vocab_size: vocab,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: options.ropeTheta ?? 10000,
    ...(architecture === "gemma3_text"
      ? { hidden_activation: "gelu_pytorch_tanh" }
      : { hidden_act: "silu" }),
    tie_word_embeddings: tied,
    bos_token_id: 1,
    eos_token_id: 2,
    torch_dtype: TORCH[dtype],
    ...options.fields,
  };
  const decay = options.decay ?? 0.6;
  const tensors = randomTensors(config, dtype, seed, (layer) => strength * decay ** layer);
  const tokenizer = tinyTokenizer(vocab);
  const files = {
    "config.json": jsonFile(config),
    "model.safetensors": writeSafetensors(tensors),
    "tokenizer.json": jsonFile(tokenizer.tokenizer),
    "tokenizer_config.json": jsonFile(tokenizer.config),
  };
  return { files, config, tensors };
}

function randomTensors(
  config: TinyConfig,
  dtype: FileDtype,
  seed: number,
  strength: (layer: number) => number,
): Record<string, TestTensor> {
  const {
    hidden_size: hidden,
    intermediate_size: inner,
    head_dim: dim,
    vocab_size: vocab,
  } = config;
  const queryDim = config.num_attention_heads * dim;
  const kvDim = config.num_key_value_heads * dim;
  const tensors: Record<string, TestTensor> = {};
  // One stream of numbers per tensor: adding a layer leaves all others as they were.
  let stream = seed * 100_003;
  const matrix = (name: string, rows: number, cols: number, gain = 1): void => {
    const next = normals((stream += 1));
    const scale = gain / Math.sqrt(cols);
    const data = Float64Array.from({ length: rows * cols }, () => next() * scale);
    tensors[name] = testTensor(dtype, [rows, cols], data);
  };
  const vector = (name: string, size: number, center: number, spread: number): void => {
    const next = normals((stream += 1));
    const data = Float64Array.from({ length: size }, () => center + spread * next());
    tensors[name] = testTensor(dtype, [size], data);
  };
  const type = config.model_type;
  const isGemma = type === "gemma3_text";
  // Gemma's files hold gain - 1, and its embeddings are scaled up on their way in.
  const gain = (name: string, scale = 1, size = hidden): void =>
    vector(name, size, scale - (isGemma ? 1 : 0), 0.3 * scale);
  matrix("model.embed_tokens.weight", vocab, hidden, isGemma ? 1 : Math.sqrt(hidden));
  gain("model.norm.weight");
  if (!config.tie_word_embeddings) matrix("lm_head.weight", vocab, hidden, 3);
  stream = seed * 100_003 + 1000;
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}.`;
    gain(`${at}input_layernorm.weight`);
    matrix(`${at}self_attn.q_proj.weight`, queryDim, hidden, 2);
    matrix(`${at}self_attn.k_proj.weight`, kvDim, hidden, 2);
    matrix(`${at}self_attn.v_proj.weight`, kvDim, hidden, 1);
    matrix(`${at}self_attn.o_proj.weight`, hidden, queryDim, strength(layer));
    gain(`${at}post_attention_layernorm.weight`);
    matrix(`${at}mlp.gate_proj.weight`, inner, hidden, 2);
    matrix(`${at}mlp.up_proj.weight`, inner, hidden, 1);
    matrix(`${at}mlp.down_proj.weight`, hidden, inner, strength(layer));
  }
  stream = seed * 100_003 + 50_000;
  for (let layer = 0; layer < config.num_hidden_layers; layer++) {
    const at = `model.layers.${layer}.`;
    if (type === "qwen2") {
      vector(`${at}self_attn.q_proj.bias`, queryDim, 0, 0.7);
      vector(`${at}self_attn.k_proj.bias`, kvDim, 0, 0.7);
      vector(`${at}self_attn.v_proj.bias`, kvDim, 0, 0.3);
    }
    if (type === "qwen3" || isGemma) {
      gain(`${at}self_attn.q_norm.weight`, 1.5, dim);
      gain(`${at}self_attn.k_norm.weight`, 1.5, dim);
    }
    if (isGemma) {
      // After these norms only their gains say how strongly a layer moves the residual stream.
      gain(`${at}post_attention_layernorm.weight`, strength(layer));
      gain(`${at}pre_feedforward_layernorm.weight`);
      gain(`${at}post_feedforward_layernorm.weight`, strength(layer));
    }
  }
  return tensors;
}
