/** What sets a model's layers apart: how far back each one looks, and by which rotary positions. */
import type { FoundArchitecture } from "./architectures.ts";
import type { ConfigFields } from "./config-fields.ts";
import { readRope, readRopes, type RopeConfig } from "./rope-config.ts";

export interface LayerAttention {
  /** Keys that a row sees, its own included: those at positions above `position - window`. Undefined: all up to its own. */
  readonly window: number | undefined;
  readonly rope: RopeConfig;
}

type LayerType = "full_attention" | "sliding_attention";
const LAYER_TYPES: readonly LayerType[] = ["full_attention", "sliding_attention"];

const MOST_POSITIONS = 2 ** 24;
/** transformers' default, in every configuration class that has windows. */
const DEFAULT_WINDOW = 4096;

/** All layers of the model, first to last. */
export function readLayers(
  { name, fields, defaults }: FoundArchitecture,
  layers: number,
  contextLength: number,
): LayerAttention[] {
  const window = readWindow(name, fields);
  const given = fields.words("layer_types", layers, LAYER_TYPES);
  const derived = Array.from({ length: layers }, derivedTypes(name, fields, window));
  // Llama and Mistral go by the window alone in transformers, so a list can only say the same.
  const isFixed = name === "llama" || name === "mistral";
  const agrees = !isFixed || !given || given.every((type, i) => type === derived[i]);
  fields.check(agrees, "layer_types", "contradicts sliding_window");
  const types = given ?? derived;
  const isPossible = window !== undefined || !types.includes("sliding_attention");
  fields.check(isPossible, "layer_types", "asks for windows, and there is no sliding_window");

  const thetas = { full: defaults.ropeTheta, sliding: 10_000 };
  const ropes = name === "gemma3" ? readRopes(fields, thetas, contextLength) : undefined;
  const rope = ropes?.full ?? readRope(fields, defaults.ropeTheta, contextLength);
  return types.map((type) =>
    type === "full_attention"
      ? { window: undefined, rope }
      : { window, rope: ropes?.sliding ?? rope },
  );
}

function readWindow(name: FoundArchitecture["name"], fields: ConfigFields): number | undefined {
  switch (name) {
    case "llama":
      fields.oneOf("sliding_window", [null]);
      return undefined;
    case "mistral":
    case "gemma3":
      // Here null means that there is none, and leaving it out does not.
      if (fields.names("sliding_window") && fields.value("sliding_window") === undefined) {
        return undefined;
      }
      return fields.size("sliding_window", MOST_POSITIONS, DEFAULT_WINDOW);
    case "qwen2":
    case "qwen3":
      if (!fields.flag("use_sliding_window", false)) return undefined;
      return fields.size("sliding_window", MOST_POSITIONS, DEFAULT_WINDOW);
    default:
      return name satisfies never;
  }
}

/** What a layer is where no list says it. */
function derivedTypes(
  name: FoundArchitecture["name"],
  fields: ConfigFields,
  window: number | undefined,
): (_: unknown, layer: number) => LayerType {
  const slides = (sliding: boolean): LayerType =>
    sliding ? "sliding_attention" : "full_attention";
  switch (name) {
    case "llama":
    case "mistral":
      return () => slides(window !== undefined);
    case "qwen2":
    case "qwen3": {
      const first = fields.count("max_window_layers", 4096, 28);
      return (_, layer) => slides(window !== undefined && layer >= first);
    }
    case "gemma3": {
      const older = fields.size("_sliding_window_pattern", 4096, 6);
      const every = fields.size("sliding_window_pattern", 4096, older);
      return (_, layer) => slides((layer + 1) % every !== 0);
    }
    default:
      return name satisfies never;
  }
}
