// The Llama forward pass in plain TypeScript and f64, over the whole sequence at once, without a cache.
// It is written from the formulas and shares no code with src/.

/** What of `config.json` the forward pass depends on. */
export interface ReferenceLlamaConfig {
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads?: number;
  head_dim?: number;
  vocab_size: number;
  rms_norm_eps: number;
  rope_theta?: number;
  tie_word_embeddings?: boolean;
}

/** Tensors by their Hugging Face names; `data` in row-major order. */
export type ReferenceTensors = Readonly<Record<string, { readonly data: Vector }>>;

type Vector = Float64Array<ArrayBuffer>;

/** What a position takes in: a token, or tokens with weights, whose embeddings are mixed. */
export type ReferenceInput =
  | number
  | readonly { readonly token: number; readonly weight: number }[];

/** Logits `[tokens][vocab]` after every token of the sequence; `layers` uses only the first ones. */
export function llamaLogits(
  config: ReferenceLlamaConfig,
  tensors: ReferenceTensors,
  tokens: readonly ReferenceInput[],
  layers?: number,
): Vector[] {
  return llamaStates(config, tensors, tokens, layers).map((state) =>
    headLogits(config, tensors, state),
  );
}

/** The last hidden states `[tokens][hidden]`, after the final norm. */
export function llamaStates(
  config: ReferenceLlamaConfig,
  tensors: ReferenceTensors,
  tokens: readonly ReferenceInput[],
  layers = config.num_hidden_layers,
): Vector[] {
  const weight = (name: string): Vector => weightOf(tensors, name);
  const { hidden_size: hidden, rms_norm_eps: eps } = config;
  const embedding = weight("model.embed_tokens.weight");
  const rowOf = (token: number) => embedding.slice(token * hidden, (token + 1) * hidden);
  let rows = tokens.map((input) =>
    typeof input === "number"
      ? rowOf(input)
      : input
          .map(({ token, weight }) => rowOf(token).map((x) => weight * x))
          .reduce((sum, row) => add(sum, row)),
  );
  for (let layer = 0; layer < layers; layer++) {
    const part = (name: string): Vector => weight(`model.layers.${layer}.${name}.weight`);
    const mixed = attention(
      config,
      part,
      rows.map((x) => rmsNorm(x, part("input_layernorm"), eps)),
    );
    rows = rows.map((x, r) => add(x, mixed[r]!));
    rows = rows.map((x) => {
      const n = rmsNorm(x, part("post_attention_layernorm"), eps);
      const gate = multiply(part("mlp.gate_proj"), n);
      const up = multiply(part("mlp.up_proj"), n);
      return add(
        x,
        multiply(
          part("mlp.down_proj"),
          gate.map((g, i) => (g / (1 + Math.exp(-g))) * up[i]!),
        ),
      );
    });
  }
  return rows.map((x) => rmsNorm(x, weight("model.norm.weight"), eps));
}

/** Logits `[vocab]` of one last hidden state. */
export function headLogits(
  config: ReferenceLlamaConfig,
  tensors: ReferenceTensors,
  state: Vector,
): Vector {
  const name = config.tie_word_embeddings ? "model.embed_tokens.weight" : "lm_head.weight";
  return multiply(weightOf(tensors, name), state);
}

function weightOf(tensors: ReferenceTensors, name: string): Vector {
  const tensor = tensors[name];
  if (!tensor) throw new Error(`reference: no tensor "${name}"`);
  return tensor.data;
}

function attention(
  config: ReferenceLlamaConfig,
  part: (name: string) => Vector,
  rows: Vector[],
): Vector[] {
  const heads = config.num_attention_heads;
  const kvHeads = config.num_key_value_heads ?? heads;
  const dim = config.head_dim ?? config.hidden_size / heads;
  const theta = config.rope_theta ?? 10000;
  const queries = rows.map((n, t) => rotate(multiply(part("self_attn.q_proj"), n), dim, t, theta));
  const keys = rows.map((n, t) => rotate(multiply(part("self_attn.k_proj"), n), dim, t, theta));
  const values = rows.map((n) => multiply(part("self_attn.v_proj"), n));
  return queries.map((query, t) => {
    const out = new Float64Array(heads * dim);
    for (let h = 0; h < heads; h++) {
      const shared = Math.floor(h / (heads / kvHeads)) * dim;
      const scores = Array.from({ length: t + 1 }, (_, s) => {
        let sum = 0;
        for (let i = 0; i < dim; i++) sum += query[h * dim + i]! * keys[s]![shared + i]!;
        return sum / Math.sqrt(dim);
      });
      const top = Math.max(...scores);
      const weights = scores.map((score) => Math.exp(score - top));
      const total = weights.reduce((a, b) => a + b, 0);
      weights.forEach((w, s) => {
        for (let i = 0; i < dim; i++) out[h * dim + i]! += (w / total) * values[s]![shared + i]!;
      });
    }
    return multiply(part("self_attn.o_proj"), out);
  });
}

/** Rotary embedding, half-split: (a, b) = (v[i], v[i + d/2]) turned by position / theta^(2i/d). */
function rotate(v: Vector, dim: number, position: number, theta: number): Vector {
  const out = v.slice();
  for (let start = 0; start < v.length; start += dim) {
    for (let i = 0; i < dim / 2; i++) {
      const angle = position / theta ** ((2 * i) / dim);
      const [a, b] = [v[start + i]!, v[start + i + dim / 2]!];
      out[start + i] = a * Math.cos(angle) - b * Math.sin(angle);
      out[start + i + dim / 2] = b * Math.cos(angle) + a * Math.sin(angle);
    }
  }
  return out;
}

function rmsNorm(x: Vector, gain: Vector, eps: number): Vector {
  const meanSquare = x.reduce((sum, v) => sum + v * v, 0) / x.length;
  return x.map((v, i) => (v / Math.sqrt(meanSquare + eps)) * gain[i]!);
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
export function llamaGreedy(
  config: ReferenceLlamaConfig,
  tensors: ReferenceTensors,
  prompt: readonly number[],
  count: number,
  layers?: number,
): number[] {
  const tokens = [...prompt];
  for (let i = 0; i < count; i++)
    tokens.push(argmax(llamaLogits(config, tensors, tokens, layers).at(-1)!));
  return tokens.slice(prompt.length);
}
