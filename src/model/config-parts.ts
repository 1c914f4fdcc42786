/** Sizes and parts of a model, from its `config.json`. */
import type { FoundArchitecture } from "./architectures.ts";

const MAX_SIZE = 2 ** 20;
const MAX_HEAD_DIM = 256;

/** Sizes, checked for what the kernels can do. */
export function readSizes({ fields, defaults }: FoundArchitecture) {
  const hiddenSize = fields.size("hidden_size", MAX_SIZE, defaults.hiddenSize);
  const intermediateSize = fields.size("intermediate_size", MAX_SIZE, defaults.intermediateSize);
  const heads = fields.size("num_attention_heads", MAX_SIZE, defaults.heads);
  const ownHeads = fields.names("num_key_value_heads") ? undefined : defaults.kvHeads;
  const kvHeads = fields.size("num_key_value_heads", MAX_SIZE, ownHeads ?? heads);
  const ownDim = fields.names("head_dim") ? undefined : defaults.headDim;
  const headDim = fields.size("head_dim", MAX_SIZE, ownDim ?? hiddenSize / heads);
  fields.check(hiddenSize % 4 === 0, "hidden_size", "must be a multiple of 4");
  fields.check(intermediateSize % 4 === 0, "intermediate_size", "must be a multiple of 4");
  fields.check(headDim % 4 === 0, "head_dim", `is ${headDim}; it must be a multiple of 4`);
  fields.check(headDim <= MAX_HEAD_DIM, "head_dim", `is ${headDim}; at most ${MAX_HEAD_DIM} works`);
  fields.check(heads % kvHeads === 0, "num_key_value_heads", "must divide num_attention_heads");
  const vocabSize = fields.size("vocab_size", 2 ** 24, defaults.vocabSize);
  const contextLength = fields.size("max_position_embeddings", 2 ** 24, defaults.contextLength);
  return { hiddenSize, intermediateSize, heads, kvHeads, headDim, vocabSize, contextLength };
}

/** The parts that an architecture has, and a refusal of settings that would add others. */
export function readParts(
  { name, fields }: FoundArchitecture,
  { headDim, hiddenSize }: { readonly headDim: number; readonly hiddenSize: number },
  elementType: unknown,
) {
  // Qwen2's projections have biases whatever the file says; transformers does not read the field there.
  if (name !== "qwen2") fields.oneOf("attention_bias", [false]);
  const isGemma = name === "gemma3";
  if (isGemma) {
    fields.oneOf("hidden_activation", ["gelu_pytorch_tanh"]);
    fields.oneOf("hidden_act", ["gelu_pytorch_tanh"]);
  } else {
    fields.oneOf("hidden_act", ["silu"]);
    fields.oneOf("attn_logit_softcapping", [null]);
    fields.oneOf("final_logit_softcapping", [null]);
  }
  const most = 1e6;
  return {
    gainOffset: isGemma ? 1 : 0,
    embeddingScale: isGemma ? rounded(Math.sqrt(hiddenSize), elementType) : 1,
    activation: isGemma ? "gelu-tanh" : "silu",
    qkvBias: name === "qwen2",
    qkNorm: name === "qwen3" || isGemma,
    postNorms: isGemma,
    queryScalar: isGemma ? fields.positive("query_pre_attn_scalar", most, 256) : headDim,
    attentionSoftcap: isGemma ? fields.positiveIfAny("attn_logit_softcapping", most) : undefined,
    logitSoftcap: isGemma ? fields.positiveIfAny("final_logit_softcapping", most) : undefined,
  } as const;
}

/** To the element type that the model was made in, as its own code does: bf16 has 8 bits, f16 has 11. */
function rounded(value: number, type: unknown): number {
  const bits = type === "bfloat16" ? 8 : type === "float16" ? 11 : 24;
  const unit = 2 ** (Math.floor(Math.log2(value)) + 1 - bits);
  const quotient = value / unit;
  const floor = Math.floor(quotient);
  const rest = quotient - floor;
  return (floor + (rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? 1 : 0)) * unit;
}
