// The forward pass of every architecture in plain TypeScript and f64, over the whole sequence at once, without a cache.
// Written from transformers' formulas by the fields of `config.json`; shares no code with src/.
import { type ReferenceScaling, rotation, type Rotation } from "./rope-frequencies.ts";

/** What of `config.json` the forward pass depends on. */
export interface ReferenceConfig {
  /** Left out: "llama". */
  model_type?: string;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads?: number;
  head_dim?: number;
  vocab_size: number;
  max_position_embeddings?: number;
  rms_norm_eps: number;
  rope_theta?: number;
  rope_scaling?: ReferenceScaling | null;
  rope_local_base_freq?: number;
  sliding_window?: number | null;
  use_sliding_window?: boolean;
  max_window_layers?: number;
  sliding_window_pattern?: number;
  layer_types?: readonly string[];
  query_pre_attn_scalar?: number;
  attn_logit_softcapping?: number | null;
  final_logit_softcapping?: number | null;
  tie_word_embeddings?: boolean;
  torch_dtype?: string;
}

/** Tensors by their Hugging Face names; `data` in row-major order. */
export type ReferenceTensors = Readonly<Record<string, { readonly data: Vector }>>;

type Vector = Float64Array<ArrayBuffer>;
type Weights = (name: string) => Vector;

/** What a position takes in: a token, or tokens with weights, whose embeddings are mixed. */
export type ReferenceInput =
  | number
  | readonly { readonly token: number; readonly weight: number }[];

/** Logits `[tokens][vocab]` after every token of the sequence; `layers` uses only the first ones. */
export function decoderLogits(
  config: ReferenceConfig,
  tensors: ReferenceTensors,
  tokens: readonly ReferenceInput[],
  layers?: number,
): Vector[] {
  return decoderStates(config, tensors, tokens, layers).map((state) =>
    headLogits(config, tensors, state),
  );
}

/** The last hidden states `[tokens][hidden]`, after the final norm. */
export function decoderStates(
  config: ReferenceConfig,
  tensors: ReferenceTensors,
  tokens: readonly ReferenceInput[],
  layers = config.num_hidden_layers,
): Vector[] {
  const weight: Weights = (name) => weightOf(tensors, name);
  const { hidden_size: hidden } = config;
  const embedding = weight("model.embed_tokens.weight");
  const scale = isGemma(config) ? atPrecision(Math.sqrt(hidden), config.torch_dtype) : 1;
  const rowOf = (token: number) =>
    embedding.slice(token * hidden, (token + 1) * hidden).map((x) => x * scale);
  let rows = tokens.map((input) =>
    typeof input === "number"
      ? rowOf(input)
      : input
          .map(({ token, weight: share }) => rowOf(token).map((x) => share * x))
          .reduce((sum, row) => add(sum, row)),
  );
  for (let layer = 0; layer < layers; layer++) {
    const part: Weights = (name) => weight(`model.layers.${layer}.${name}`);
    rows = isGemma(config)
      ? gemmaLayer(config, part, rows, layer)
      : llamaLayer(config, part, rows, layer);
  }
  return rows.map((x) => norm(config, x, weight("model.norm.weight")));
}

/** Logits `[vocab]` of one last hidden state. */
export function headLogits(
  config: ReferenceConfig,
  tensors: ReferenceTensors,
  state: Vector,
): Vector {
  const tied = config.tie_word_embeddings ?? isGemma(config);
  const name = tied ? "model.embed_tokens.weight" : "lm_head.weight";
  const cap = config.final_logit_softcapping;
  const logits = multiply(weightOf(tensors, name), state);
  return cap ? logits.map((z) => cap * Math.tanh(z / cap)) : logits;
}

function llamaLayer(config: ReferenceConfig, part: Weights, rows: Vector[], layer: number) {
  const normed = rows.map((x) => norm(config, x, part("input_layernorm.weight")));
  const mixed = attention(config, part, normed, layer);
  const middle = rows.map((x, r) => add(x, mixed[r]!));
  return middle.map((x) => {
    const n = norm(config, x, part("post_attention_layernorm.weight"));
    return add(
      x,
      feedForward(part, n, (g) => g / (1 + Math.exp(-g))),
    );
  });
}

function gemmaLayer(config: ReferenceConfig, part: Weights, rows: Vector[], layer: number) {
  const normed = rows.map((x) => norm(config, x, part("input_layernorm.weight")));
  const mixed = attention(config, part, normed, layer);
  const middle = rows.map((x, r) =>
    add(x, norm(config, mixed[r]!, part("post_attention_layernorm.weight"))),
  );
  return middle.map((x) => {
    const n = norm(config, x, part("pre_feedforward_layernorm.weight"));
    const out = feedForward(part, n, geluTanh);
    return add(x, norm(config, out, part("post_feedforward_layernorm.weight")));
  });
}

function feedForward(part: Weights, n: Vector, activation: (gate: number) => number): Vector {
  const up = multiply(part("mlp.up_proj.weight"), n);
  const gate = multiply(part("mlp.gate_proj.weight"), n);
  return multiply(
    part("mlp.down_proj.weight"),
    gate.map((g, i) => activation(g) * up[i]!),
  );
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function attention(
  config: ReferenceConfig,
  part: Weights,
  rows: Vector[],
  layer: number,
): Vector[] {
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? heads;
  const dim = config.head_dim ?? config.hidden_size / heads;
  const sliding = isSliding(config, layer);
  const turn = rotationOf(config, dim, sliding, rows.length);
  const project = (name: "q" | "k" | "v", n: Vector): Vector => {
    const out = multiply(part(`self_attn.${name}_proj.weight`), n);
    return config.model_type === "qwen2" ? add(out, part(`self_attn.${name}_proj.bias`)) : out;
  };
  const head = (name: "q" | "k", all: Vector, h: number, position: number): Vector => {
    const own = all.slice(h * dim, (h + 1) * dim);
    const isNormed = isGemma(config) || config.model_type === "qwen3";
    const ready = isNormed ? norm(config, own, part(`self_attn.${name}_norm.weight`)) : own;
    return rotate(ready, turn, position);
  };
  const split = (name: "q" | "k", count: number) =>
    rows.map((n, t) => {
      const all = project(name, n);
      return Array.from({ length: count }, (_, h) => head(name, all, h, t));
    });
  const [queries, keys] = [split("q", heads), split("k", kvHeads)];
  const values = rows.map((n) => project("v", n));
  const scalar = isGemma(config) ? (config.query_pre_attn_scalar ?? 256) : dim;
  const cap = config.attn_logit_softcapping;
  return queries.map((query, t) => {
    const out = new Float64Array(heads * dim);
    const first = sliding ? Math.max(0, t - config.sliding_window! + 1) : 0;
    for (let h = 0; h < heads; h++) {
      const shared = Math.floor(h / (heads / kvHeads));
      const scores = Array.from({ length: t + 1 - first }, (_, s) => {
        const score = dot(query[h]!, keys[first + s]![shared]!) / Math.sqrt(scalar);
        return cap ? cap * Math.tanh(score / cap) : score;
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b, 0);
      weights.forEach((w, s) => {
        const value = values[first + s]!;
        for (let i = 0; i < dim; i++) out[h * dim + i]! += (w / total) * value[shared * dim + i]!;
      });
    }
    return multiply(part("self_attn.o_proj.weight"), out);
  });
}

/** Whether a layer sees only the last `sliding_window` positions. */
function isSliding(config: ReferenceConfig, layer: number): boolean {
  switch (config.model_type) {
    case "mistral":
      return typeof config.sliding_window === "number";
    case "qwen2":
    case "qwen3":
      if (config.use_sliding_window !== true) return false;
      if (config.layer_types) return config.layer_types[layer] === "sliding_attention";
      return layer >= (config.max_window_layers ?? 28);
    case "gemma3_text":
      if (config.layer_types) return config.layer_types[layer] === "sliding_attention";
      return (layer + 1) % (config.sliding_window_pattern ?? 6) > 0;
    default:
      return false;
  }
}

function rotationOf(
  config: ReferenceConfig,
  dim: number,
  sliding: boolean,
  length: number,
): Rotation {
  const most = config.max_position_embeddings ?? 2048;
  if (isGemma(config) && sliding) {
    return rotation(dim, config.rope_local_base_freq ?? 10_000, null, most);
  }
  const theta = config.rope_theta ?? (isGemma(config) ? 1e6 : 10_000);
  return rotation(dim, theta, config.rope_scaling, most, length);
}

/** Half-split: (a, b) = (v[i], v[i + d/2]) turned by position times the pair's frequency. */
function rotate(v: Vector, { frequencies, attention: factor }: Rotation, position: number): Vector {
  const out = v.slice();
  frequencies.forEach((frequency, i) => {
    const [c, s] = [Math.cos(position * frequency), Math.sin(position * frequency)];
    const [a, b] = [v[i]!, v[i + v.length / 2]!];
    out[i] = factor * (a * c - b * s);
    out[i + v.length / 2] = factor * (b * c + a * s);
  });
  return out;
}

/** RMS norm; Gemma's files hold the gain less 1. */
function norm(config: ReferenceConfig, x: Vector, weight: Vector): Vector {
  const rms = Math.sqrt(dot(x, x) / x.length + config.rms_norm_eps);
  const offset = isGemma(config) ? 1 : 0;
  return x.map((v, i) => (v / rms) * (offset + weight[i]!));
}

function isGemma(config: ReferenceConfig): boolean {
  return config.model_type === "gemma3_text";
}

/** A number at the precision of a torch dtype: Gemma's embedding scale is a tensor of the model's own. */
function atPrecision(value: number, dtype: string | undefined): number {
  const single = Math.fround(value);
  const dropped = { bfloat16: 16, float16: 13 }[dtype ?? ""];
  if (dropped === undefined) return single;
  // To nearest on the bits; halfway cases do not occur for square roots of whole numbers.
  const words = new Uint32Array(Float32Array.of(single).buffer);
  const unit = 2 ** dropped;
  words[0] = Math.round(words[0]! / unit) * unit;
  return new Float32Array(words.buffer)[0]!;
}

function weightOf(tensors: ReferenceTensors, name: string): Vector {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`reference: no tensor "${name}"`);
  return tensor.data;
}

/** `W x` with W `[rows, x.length]` row-major. */
function multiply(w: Vector, x: Vector): Vector {
  const out = new Float64Array(w.length / x.length);
  for (let r = 0; r < out.length; r++) {
    let sum = 0;
    for (let i = 0, at = r * x.length; i < x.length; i++) sum += w[at + i]! * x[i]!;
    out[r] = sum;
  }
  return out;
}

function dot(a: Vector, b: Vector): number {
  return a.reduce((sum, v, i) => sum + v * b[i]!, 0);
}

function add(a: Vector, b: Vector): Vector {
  return a.map((v, i) => v + b[i]!);
}

/** The index of the largest number, the lowest on a tie. */
export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}

/** `count` tokens after `prompt`, each the argmax. Slow: it computes the whole sequence every time. */
export function decoderGreedy(
  config: ReferenceConfig,
  tensors: ReferenceTensors,
  prompt: readonly number[],
  count: number,
  layers?: number,
): number[] {
  const tokens = [...prompt];
  for (let i = 0; i < count; i++)
    tokens.push(argmax(decoderLogits(config, tensors, tokens, layers).at(-1)!));
  return tokens.slice(prompt.length);
}
