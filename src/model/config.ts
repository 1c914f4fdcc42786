/** A model's `config.json`, checked: what the kernels can compute exactly, or a typed error. */
import { CoppiceError } from "../errors.ts";
import { ConfigFields } from "./config-fields.ts";

/** The sizes and constants of a Llama-family decoder. All sizes are counts of numbers, not bytes. */
export interface ModelConfig {
  readonly architecture: "llama";
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  /** Layers in use: the model's own number, or fewer when it was asked to be cut short. */
  readonly layers: number;
  readonly heads: number;
  /** Key and value heads; each serves `heads / kvHeads` query heads. */
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabSize: number;
  /** Positions the model was trained for. */
  readonly contextLength: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  /** True when the output head is the embedding table. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  /** Tokens that end the text; may be empty. */
  readonly eosTokenIds: readonly number[];
}

export interface ModelConfigOptions {
  /** Use only the first layers, 1 to the model's own number. Default: all. */
  readonly layers?: number | undefined;
}

const MAX_SIZE = 2 ** 20;
const MAX_HEAD_DIM = 256;

/** Settings that would change the maths; any value but those listed is refused. Absent means default. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  hidden_act: ["silu"],
  attention_bias: [false],
  mlp_bias: [false],
  sliding_window: [null],
  partial_rotary_factor: [null, 1],
  rope_interleaved: [false],
  no_rope_layers: [null],
  quantization_config: [null],
  use_qk_norm: [false],
  qk_norm: [false],
  attn_logit_softcapping: [null],
  final_logit_softcapping: [null],
  embedding_multiplier: [null, 1],
  attention_multiplier: [null],
  residual_multiplier: [null, 1],
  logits_scaling: [null, 1],
  logit_scale: [null, 1],
  num_experts: [null, 0, 1],
  num_local_experts: [null, 0, 1],
};

/**
 * Checks a parsed `config.json` (and `generation_config.json`, whose end tokens win where it names any).
 * @throws CoppiceError `architecture-unknown` for anything but Llama; `config-invalid` with the field's
 * name for a value that is malformed, out of range, or would need maths the kernels do not do;
 * `option-invalid` for `layers` outside the model's own.
 */
export function parseModelConfig(
  config: unknown,
  generation?: unknown,
  options: ModelConfigOptions = {},
): ModelConfig {
  const fields = new ConfigFields("config.json", config);
  checkArchitecture(fields);
  for (const [name, values] of Object.entries(NEUTRAL)) fields.oneOf(name, values);
  const hiddenSize = fields.size("hidden_size", MAX_SIZE);
  const intermediateSize = fields.size("intermediate_size", MAX_SIZE);
  const heads = fields.size("num_attention_heads", MAX_SIZE);
  const kvHeads = fields.size("num_key_value_heads", MAX_SIZE, heads);
  const headDim = fields.size("head_dim", MAX_SIZE, hiddenSize / heads);
  const layers = fields.size("num_hidden_layers", 4096);
  const vocabSize = fields.size("vocab_size", 2 ** 24);
  fields.check(hiddenSize % 4 === 0, "hidden_size", "must be a multiple of 4");
  fields.check(intermediateSize % 4 === 0, "intermediate_size", "must be a multiple of 4");
  fields.check(headDim % 4 === 0, "head_dim", `is ${headDim}; it must be a multiple of 4`);
  fields.check(headDim <= MAX_HEAD_DIM, "head_dim", `is ${headDim}; at most ${MAX_HEAD_DIM} works`);
  fields.check(heads % kvHeads === 0, "num_key_value_heads", "must divide num_attention_heads");
  const end =
    generation === undefined ? undefined : new ConfigFields("generation_config.json", generation);
  const ownEnd = fields.tokenIds("eos_token_id", vocabSize);
  const givenEnd = end?.tokenIds("eos_token_id", vocabSize) ?? [];
  return {
    architecture: "llama",
    hiddenSize,
    intermediateSize,
    layers: chosenLayers(layers, options.layers),
    heads,
    kvHeads,
    headDim,
    vocabSize,
    contextLength: fields.size("max_position_embeddings", 2 ** 24, 2048),
    rmsNormEps: fields.positive("rms_norm_eps", 1, 1e-6),
    ropeTheta: ropeTheta(fields),
    tieWordEmbeddings: fields.flag("tie_word_embeddings", false),
    bosTokenId:
      fields.tokenIds("bos_token_id", vocabSize)[0] ?? end?.tokenIds("bos_token_id", vocabSize)[0],
    eosTokenIds: givenEnd.length > 0 ? givenEnd : ownEnd,
  };
}

function checkArchitecture(fields: ConfigFields): void {
  const type = fields.value("model_type");
  const names = fields.value("architectures");
  const first: unknown = Array.isArray(names) ? names[0] : undefined;
  const typeFits = type === "llama" || type === undefined;
  const nameFits = first === "LlamaForCausalLM" || first === undefined;
  if (typeFits && nameFits && (type ?? first) !== undefined) return;
  throw new CoppiceError(
    "architecture-unknown",
    `This model is ${JSON.stringify(first ?? null)} (model_type ${JSON.stringify(type ?? null)}), which Coppice cannot run.`,
    'Use a model whose config.json says model_type "llama" and architectures ["LlamaForCausalLM"]: Llama 2 or SmolLM2, for example.',
  );
}

/** The base of the rotary angles; any scaling of them is refused. Newer files nest it in `rope_parameters`. */
function ropeTheta(fields: ConfigFields): number {
  let nested: number | undefined;
  for (const name of ["rope_scaling", "rope_parameters"]) {
    const rope = fields.section(name);
    if (!rope) continue;
    const type = rope.value("rope_type") ?? rope.value("type") ?? "default";
    rope.check(type === "default", "rope_type", `is ${JSON.stringify(type)}; only "default" works`);
    rope.oneOf("partial_rotary_factor", [null, 1]);
    if (rope.value("rope_theta") !== undefined) nested = rope.positive("rope_theta", 1e12, 10000);
  }
  return nested ?? fields.positive("rope_theta", 1e12, 10000);
}

function chosenLayers(own: number, wanted: number | undefined): number {
  if (wanted === undefined) return own;
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= own) return wanted;
  throw new CoppiceError(
    "option-invalid",
    `"layers" is ${wanted}; this model has ${own}.`,
    `Give a whole number from 1 to ${own}, or leave it out.`,
  );
}
