/** The metadata of a GGUF file as the `config.json` that it was made from, to be checked like any other. */
import { CoppiceError } from "../../errors.ts";
import { GGUF_ARCHITECTURES } from "./gguf-names.ts";
import type { GgufHeader, GgufValue } from "./gguf.ts";

/** What becomes `null` where the file says nothing: the checks take that as absent. */
type Field = GgufValue | null | undefined | readonly number[];

/** What Llama 3 was trained with before its rotary frequencies were stretched; all its versions share it. */
const LLAMA3 = { low: 1, high: 4, context: 8192 };

/**
 * `ropeFreqs` are the divisors of the rotary frequencies, where the file has such a tensor.
 * @throws CoppiceError `config-invalid` for rotary tables that have no counterpart in config.json.
 */
export function ggufConfig(
  { metadata, tensors }: GgufHeader,
  ropeFreqs?: readonly number[],
): Record<string, unknown> {
  const architecture = text(metadata.get("general.architecture"));
  const known = Object.hasOwn(GGUF_ARCHITECTURES, architecture)
    ? GGUF_ARCHITECTURES[architecture]
    : undefined;
  const own = (key: string): Field => metadata.get(`${architecture}.${key}`);
  const names = new Map(tensors.map((tensor) => [tensor.name, tensor]));
  const heads = own("attention.head_count");
  const hidden = own("embedding_length");
  const headDim =
    own("attention.key_length") ??
    (typeof hidden === "number" && typeof heads === "number" ? hidden / heads : null);
  const theta = own("rope.freq_base") ?? 10000;
  const rotated = own("rope.dimension_count") ?? headDim;
  const tokens = metadata.get("tokenizer.ggml.tokens");
  return {
    model_type: known?.type ?? architecture,
    architectures: [known?.className ?? architecture],
    hidden_act: "silu",
    hidden_size: hidden,
    intermediate_size: own("feed_forward_length"),
    num_hidden_layers: own("block_count"),
    num_attention_heads: heads,
    num_key_value_heads: own("attention.head_count_kv"),
    head_dim: headDim,
    vocab_size:
      names.get("token_embd.weight")?.shape[0] ?? (Array.isArray(tokens) ? tokens.length : null),
    max_position_embeddings: own("context_length"),
    rms_norm_eps: own("attention.layer_norm_rms_epsilon"),
    rope_theta: theta,
    rope_scaling: ropeScaling(own, ropeFreqs, Number(theta), Number(rotated)),
    ...(rotated !== headDim && {
      partial_rotary_factor: Number(rotated) / Number(headDim),
    }),
    tie_word_embeddings: !names.has("output.weight"),
    attention_bias: names.has("blk.0.attn_q.bias") && architecture === "llama",
    sliding_window: own("attention.sliding_window"),
    ...(architecture === "gemma3" && gemma3(own, Number(headDim))),
    bos_token_id: metadata.get("tokenizer.ggml.bos_token_id"),
    eos_token_id: ["eos", "eot", "eom"]
      .map((end) => metadata.get(`tokenizer.ggml.${end}_token_id`))
      .filter((id, at, ids) => typeof id === "number" && ids.indexOf(id) === at),
  };
}

/** What llama.cpp knows of Gemma 3 by its name, or by its number of layers. */
function gemma3(own: (key: string) => Field, headDim: number): Record<string, Field> {
  return {
    hidden_act: "gelu_pytorch_tanh",
    torch_dtype: "bfloat16",
    rope_local_base_freq: 10000,
    sliding_window_pattern: own("attention.sliding_window_pattern") ?? 6,
    query_pre_attn_scalar: own("block_count") === 62 ? 168 : headDim,
    final_logit_softcapping: own("final_logit_softcapping"),
  };
}

function ropeScaling(
  own: (key: string) => Field,
  freqs: readonly number[] | undefined,
  theta: number,
  dimensions: number,
): unknown {
  if (freqs) return llama3(freqs, theta, dimensions);
  const original = own("rope.scaling.original_context_length");
  const type = own("rope.scaling.type") ?? "none";
  // Old files give the linear factor alone.
  const factor = own("rope.scaling.factor") ?? own("rope.scale_linear");
  if (type === "none" && (factor === undefined || factor === 1)) return null;
  return {
    rope_type: type === "none" ? "linear" : type,
    factor,
    ...(original !== undefined && { original_max_position_embeddings: original }),
  };
}

/** The divisors in the file are Llama 3's, or they mean something that config.json cannot say. */
function llama3(freqs: readonly number[], theta: number, dimensions: number): unknown {
  const factor = freqs.reduce((a, b) => Math.max(a, b), 1);
  const { low, high, context } = LLAMA3;
  const same = freqs.every((divisor, i) => {
    const wavelength = 2 * Math.PI * theta ** ((2 * i) / dimensions);
    const smooth = Math.min(1, Math.max(0, (context / wavelength - low) / (high - low)));
    return Math.abs(divisor * ((1 - smooth) / factor + smooth) - 1) < 1e-3;
  });
  if (factor === 1) return null;
  if (same) {
    return {
      rope_type: "llama3",
      factor,
      low_freq_factor: low,
      high_freq_factor: high,
      original_max_position_embeddings: context,
    };
  }
  throw new CoppiceError(
    "config-invalid",
    "The file's rope_freqs are not those of Llama 3, the only model known to have such a table.",
    "Load the model from its safetensors files instead.",
  );
}

function text(value: GgufValue | undefined): string {
  return typeof value === "string" ? value : "";
}
