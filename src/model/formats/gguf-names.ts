/** What llama.cpp calls the parts of a model, and what transformers does. */

/** What is peculiar to an architecture of llama.cpp; one that is not listed passes under its own name. */
export interface GgufArchitecture {
  /** `model_type` of config.json. */
  readonly type: string;
  /** First of its `architectures`. */
  readonly className: string;
  /** True where the conversion to GGUF turned each head's rows from two halves into pairs. */
  readonly paired?: boolean;
  /** True where norms are stored with the 1 added that transformers adds when it computes. */
  readonly normPlusOne?: boolean;
}

export const GGUF_ARCHITECTURES: Readonly<Record<string, GgufArchitecture>> = {
  // Mistral's files say llama, too: the maths is the same.
  llama: { type: "llama", className: "LlamaForCausalLM", paired: true },
  qwen2: { type: "qwen2", className: "Qwen2ForCausalLM" },
  qwen3: { type: "qwen3", className: "Qwen3ForCausalLM" },
  gemma3: { type: "gemma3_text", className: "Gemma3ForCausalLM", normPlusOne: true },
};

const TOP: Readonly<Record<string, string>> = {
  token_embd: "model.embed_tokens",
  output_norm: "model.norm",
  output: "lm_head",
};

const LAYER: Readonly<Record<string, string>> = {
  attn_norm: "input_layernorm",
  attn_q: "self_attn.q_proj",
  attn_k: "self_attn.k_proj",
  attn_v: "self_attn.v_proj",
  attn_output: "self_attn.o_proj",
  attn_q_norm: "self_attn.q_norm",
  attn_k_norm: "self_attn.k_norm",
  ffn_norm: "post_attention_layernorm",
  ffn_gate: "mlp.gate_proj",
  ffn_up: "mlp.up_proj",
  ffn_down: "mlp.down_proj",
  // Where the outputs of attention and MLP are normed, too, what comes before the MLP has another name.
  post_attention_norm: "post_attention_layernorm",
  post_ffw_norm: "post_feedforward_layernorm",
};

/** The name by which transformers knows a tensor; one that it does not know keeps its own. */
export function huggingFaceName(name: string, all: ReadonlySet<string>): string {
  const [, layer, part, kind] = /^(?:blk\.(\d+)\.)?(\w+)\.(weight|bias)$/.exec(name) ?? [];
  if (part === undefined) return name;
  if (layer === undefined) return Object.hasOwn(TOP, part) ? `${TOP[part]}.${kind}` : name;
  if (!Object.hasOwn(LAYER, part)) return name;
  const isBeforeMlp = part === "ffn_norm" && all.has(`blk.${layer}.post_attention_norm.weight`);
  const own = isBeforeMlp ? "pre_feedforward_layernorm" : LAYER[part];
  return `model.layers.${layer}.${own}.${kind}`;
}
