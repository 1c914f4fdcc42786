/** How positions turn queries and keys: a base and, for contexts longer than first trained, a way of stretching it. */
import { CoppiceError } from "../errors.ts";
import type { ConfigFields } from "./config-fields.ts";

/** Rotary positions. Formulas: transformers' `modeling_rope_utils.py`; docs/models.md. */
export interface RopeConfig {
  /** The base of the angles: dimension pair i turns by position / theta^(2 i / headDim). */
  readonly theta: number;
  /** Undefined: none. */
  readonly scaling: RopeScaling | undefined;
}

export type RopeScaling =
  | { readonly kind: "linear"; readonly factor: number }
  /** NTK-aware: a larger base where a context is longer than trained for. */
  | { readonly kind: "dynamic"; readonly factor: number; readonly trainedLength: number }
  | {
      readonly kind: "llama3";
      readonly factor: number;
      readonly lowFrequencyFactor: number;
      readonly highFrequencyFactor: number;
      readonly trainedLength: number;
    }
  | {
      readonly kind: "yarn";
      readonly factor: number;
      readonly trainedLength: number;
      /** Rotations over the trained length from which on a dimension is left as it is. */
      readonly betaFast: number;
      /** Rotations up to which it is stretched in full. */
      readonly betaSlow: number;
      /** Multiplies cosines and sines. */
      readonly attentionFactor: number;
      /** Whether the two bounds are rounded outwards to whole dimensions. */
      readonly truncate: boolean;
    };

const MOST_THETA = 1e12;
const MOST_FACTOR = 1e6;
const MOST_POSITIONS = 2 ** 24;

/** The rotation that all layers share, from `rope_theta` with `rope_scaling`, or from newer files' `rope_parameters`. */
export function readRope(fields: ConfigFields, theta: number, contextLength: number): RopeConfig {
  return ropeOf(fields, ropeSection(fields), "rope_theta", theta, contextLength);
}

/** Those of Gemma 3: layers with a window have one of their own, which older files never scale. */
export function readRopes(
  fields: ConfigFields,
  thetas: { readonly full: number; readonly sliding: number },
  contextLength: number,
): { readonly full: RopeConfig; readonly sliding: RopeConfig } {
  const nested = fields.section("rope_parameters");
  const own = (kind: string) => nested?.section(kind);
  const isFlat = nested?.names("rope_type") ?? false;
  fields.check(!isFlat, "rope_parameters", 'must have "full_attention" and "sliding_attention"');
  const full = fields.section("rope_scaling") ?? own("full_attention");
  const sliding = own("sliding_attention");
  return {
    full: ropeOf(fields, full, "rope_theta", thetas.full, contextLength),
    sliding: ropeOf(fields, sliding, "rope_local_base_freq", thetas.sliding, contextLength),
  };
}

/** Positions that a scaling was made for, where that is more than the configuration's own number. */
export function longestContext({ scaling }: RopeConfig, contextLength: number): number {
  if (scaling?.kind !== "dynamic" && scaling?.kind !== "yarn") return contextLength;
  return Math.max(contextLength, Math.floor(scaling.factor * scaling.trainedLength));
}

function ropeSection(fields: ConfigFields): ConfigFields | undefined {
  const [older, newer] = [fields.section("rope_scaling"), fields.section("rope_parameters")];
  const text = (name: string) => JSON.stringify(fields.value(name));
  const agree = !older || !newer || text("rope_scaling") === text("rope_parameters");
  fields.check(agree, "rope_parameters", 'and "rope_scaling" contradict each other');
  return older ?? newer;
}

function ropeOf(
  fields: ConfigFields,
  section: ConfigFields | undefined,
  thetaName: string,
  theta: number,
  contextLength: number,
): RopeConfig {
  const outer = fields.positive(thetaName, MOST_THETA, theta);
  if (!section) return { theta: outer, scaling: undefined };
  section.oneOf("partial_rotary_factor", [null, 1]);
  return {
    theta: section.positive("rope_theta", MOST_THETA, outer),
    scaling: scalingOf(section, contextLength),
  };
}

function scalingOf(section: ConfigFields, contextLength: number): RopeScaling | undefined {
  const kind = section.value("rope_type") ?? section.value("type") ?? "default";
  if (kind === "default") return undefined;
  const original = "original_max_position_embeddings";
  const trainedLength = section.size(original, MOST_POSITIONS, contextLength);
  const number = (name: string, fallback?: number): number => {
    section.check((section.value(name) ?? fallback) !== undefined, name, "is missing");
    return section.positive(name, MOST_FACTOR, fallback ?? 1);
  };
  switch (kind) {
    case "linear":
      return { kind: "linear", factor: number("factor") };
    case "dynamic":
      // transformers goes by max_position_embeddings here, whatever the section says.
      return {
        kind: "dynamic",
        factor: atLeastOne(section, number("factor")),
        trainedLength: contextLength,
      };
    case "llama3": {
      const [low, high] = [number("low_freq_factor"), number("high_freq_factor")];
      section.check(high > low, "high_freq_factor", "must be above low_freq_factor");
      const frequencies = { lowFrequencyFactor: low, highFrequencyFactor: high };
      return { kind: "llama3", factor: number("factor"), ...frequencies, trainedLength };
    }
    case "yarn": {
      const factor = number("factor", contextLength / trainedLength);
      const betas = { betaFast: number("beta_fast", 32), betaSlow: number("beta_slow", 1) };
      const attentionFactor = yarnAttentionFactor(section, factor);
      const truncate = section.flag("truncate", true);
      return { kind: "yarn", factor, trainedLength, ...betas, attentionFactor, truncate };
    }
    default:
      throw new CoppiceError(
        "config-invalid",
        `config.json: "rope_type" is ${JSON.stringify(kind)}; default, linear, dynamic, llama3 and yarn work.`,
        "Use a model whose rotary positions are scaled in one of these ways; for others see docs/models.md.",
      );
  }
}

function atLeastOne(section: ConfigFields, factor: number): number {
  section.check(factor >= 1, "factor", `is ${factor}; it must be at least 1`);
  return factor;
}

/** YaRN's temperature (arXiv 2309.00071, section 3.4), as transformers resolves it. */
function yarnAttentionFactor(section: ConfigFields, factor: number): number {
  const given = section.positiveIfAny("attention_factor", MOST_FACTOR);
  if (given !== undefined) return given;
  const scale = (weight: number) => (factor <= 1 ? 1 : 0.1 * weight * Math.log(factor) + 1);
  const [own, all] = ["mscale", "mscale_all_dim"].map((name) =>
    section.value(name) === 0 ? undefined : section.positiveIfAny(name, MOST_FACTOR),
  );
  return own !== undefined && all !== undefined ? scale(own) / scale(all) : scale(1);
}
