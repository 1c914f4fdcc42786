/** A model's `config.json`, checked: a description of maths that the kernels can do exactly, or a typed error. */
import { CoppiceError } from "../errors.ts";
import { type Architecture, findArchitecture } from "./architectures.ts";
import { ConfigFields } from "./config-fields.ts";
import { readParts, readSizes } from "./config-parts.ts";
import { type LayerAttention, readLayers } from "./layer-attention.ts";
import { longestContext } from "./rope-config.ts";

/** The sizes of a decoder-only transformer, and which parts it is made of. All sizes are counts of numbers, not bytes. */
export interface ModelConfig extends ModelSizes, ModelParts {
  /** For messages and for the names of tensors; what is computed is said by the other fields. */
  readonly architecture: Architecture;
  /** Whether the files hold a vision tower too, which is left out. */
  readonly multimodal: boolean;
  /** True when the output head is the embedding table. */
  readonly tieWordEmbeddings: boolean;
  readonly bosTokenId: number | undefined;
  /** Tokens that end the text; may be empty. */
  readonly eosTokenIds: readonly number[];
}

interface ModelSizes {
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
  /** Positions that its way of scaling rotary positions was made for: at least `contextLength`. */
  readonly longestContext: number;
}

/** What a layer does beyond Llama's `x += Wo attention(norm(x)); x += Wd (act(Wg n) * Wu n)`, n = norm(x). */
interface ModelParts {
  readonly rmsNormEps: number;
  /** Added to the norms' gains as they are stored: 1 where the file holds gain - 1. */
  readonly gainOffset: 0 | 1;
  /** Multiplies embeddings on their way in. */
  readonly embeddingScale: number;
  readonly activation: "silu" | "gelu-tanh";
  /** Whether queries, keys and values have a bias. */
  readonly qkvBias: boolean;
  /** Whether each head of queries and keys is normed, with gains of its own, before it is rotated. */
  readonly qkNorm: boolean;
  /** Whether what attention and the feed-forward block give is normed before it joins the residual stream. */
  readonly postNorms: boolean;
  /** Scores are q k / sqrt(queryScalar). */
  readonly queryScalar: number;
  /** Scores become cap tanh(score / cap). Undefined: they stay. */
  readonly attentionSoftcap: number | undefined;
  /** The same for logits. */
  readonly logitSoftcap: number | undefined;
  /** One per layer in use. */
  readonly layerAttention: readonly LayerAttention[];
}

export interface ModelConfigOptions {
  /** Use only the first layers, 1 to the model's own number. Default: all. */
  readonly layers?: number | undefined;
}

/** Settings that would change the maths in ways the kernels do not know; any value but those listed is refused. */
const NEUTRAL: Readonly<Record<string, readonly unknown[]>> = {
  mlp_bias: [false],
  partial_rotary_factor: [null, 1],
  rope_interleaved: [false],
  no_rope_layers: [null],
  quantization_config: [null],
  use_qk_norm: [false],
  qk_norm: [false],
  use_bidirectional_attention: [null, false],
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
 * @throws CoppiceError `architecture-unknown` for what docs/models.md does not list; `config-invalid` with the field's
 * name for a value that is malformed, out of range, or would need maths the kernels do not do;
 * `option-invalid` for `layers` outside the model's own.
 */
export function parseModelConfig(
  config: unknown,
  generation?: unknown,
  options: ModelConfigOptions = {},
): ModelConfig {
  const whole = new ConfigFields("config.json", config);
  const found = findArchitecture(whole);
  const { fields, defaults } = found;
  for (const [name, values] of Object.entries(NEUTRAL)) {
    fields.oneOf(name, values);
    whole.oneOf(name, values);
  }
  const sizes = readSizes(found);
  const { vocabSize, contextLength } = sizes;
  const named = (name: string) => fields.value(name) ?? whole.value(name);
  const elementType = named("dtype") ?? named("torch_dtype");
  const own = fields.size("num_hidden_layers", 4096, defaults.layers);
  const layers = chosenLayers(own, options.layers);
  const layerAttention = readLayers(found, own, contextLength).slice(0, layers);
  const end =
    generation === undefined ? undefined : new ConfigFields("generation_config.json", generation);
  // The last of these that names any wins; a text model inside another file may leave them to the outer one.
  const tokens = (name: string, from: (ConfigFields | undefined)[]) =>
    from.map((one) => one?.tokenIds(name, vocabSize) ?? []).findLast((ids) => ids.length > 0) ?? [];
  return {
    architecture: found.name,
    multimodal: found.multimodal,
    ...sizes,
    layers,
    longestContext: Math.max(
      ...layerAttention.map(({ rope }) => longestContext(rope, contextLength)),
    ),
    rmsNormEps: fields.positive("rms_norm_eps", 1, defaults.rmsNormEps),
    ...readParts(found, sizes, elementType),
    layerAttention,
    tieWordEmbeddings: fields.flag(
      "tie_word_embeddings",
      whole.flag("tie_word_embeddings", defaults.tieWordEmbeddings),
    ),
    bosTokenId: tokens("bos_token_id", [end, whole, fields])[0],
    eosTokenIds: tokens("eos_token_id", [whole, fields, end]),
  };
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
