/** The architectures that run: how their files name them, and what their configurations leave to defaults. */
import { CoppiceError } from "../errors.ts";
import type { ConfigFields } from "./config-fields.ts";

export type Architecture = "llama" | "mistral" | "qwen2" | "qwen3" | "gemma3";

/** What a `config.json` may leave out: the defaults of transformers' configuration classes. */
export interface ArchitectureDefaults {
  readonly heads?: number;
  /** Left out: as many as query heads. */
  readonly kvHeads?: number;
  /** Left out: hidden / heads. */
  readonly headDim?: number;
  readonly hiddenSize?: number;
  readonly intermediateSize?: number;
  readonly layers?: number;
  readonly vocabSize?: number;
  readonly contextLength: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
  readonly tieWordEmbeddings: boolean;
}

interface KnownArchitecture {
  /** `model_type` of a text model. */
  readonly type: string;
  readonly className: string;
  readonly defaults: ArchitectureDefaults;
}

const COMMON = { rmsNormEps: 1e-6, ropeTheta: 10_000, tieWordEmbeddings: false };

const KNOWN: Readonly<Record<Architecture, KnownArchitecture>> = {
  llama: {
    type: "llama",
    className: "LlamaForCausalLM",
    defaults: { ...COMMON, contextLength: 2048 },
  },
  mistral: {
    type: "mistral",
    className: "MistralForCausalLM",
    defaults: { ...COMMON, kvHeads: 8, contextLength: 131_072 },
  },
  qwen2: {
    type: "qwen2",
    className: "Qwen2ForCausalLM",
    defaults: { ...COMMON, kvHeads: 32, contextLength: 32_768 },
  },
  qwen3: {
    type: "qwen3",
    className: "Qwen3ForCausalLM",
    defaults: { ...COMMON, kvHeads: 32, headDim: 128, contextLength: 32_768 },
  },
  gemma3: {
    type: "gemma3_text",
    className: "Gemma3ForCausalLM",
    defaults: {
      hiddenSize: 2304,
      intermediateSize: 9216,
      layers: 26,
      heads: 8,
      kvHeads: 4,
      headDim: 256,
      vocabSize: 262_208,
      contextLength: 131_072,
      rmsNormEps: 1e-6,
      ropeTheta: 1e6,
      tieWordEmbeddings: true,
    },
  },
};

/** Gemma 3 with a vision tower: a text model of its own in `text_config`. */
const MULTIMODAL = { type: "gemma3", className: "Gemma3ForConditionalGeneration" };

export interface FoundArchitecture {
  readonly name: Architecture;
  readonly defaults: ArchitectureDefaults;
  /** The text model's own fields. */
  readonly fields: ConfigFields;
  readonly multimodal: boolean;
}

/** Throws `architecture-unknown` for what the kernels do not know. */
export function findArchitecture(config: ConfigFields): FoundArchitecture {
  const found = knownArchitecture(config);
  if (found) return found;
  throw new CoppiceError(
    "architecture-unknown",
    `This model is ${JSON.stringify(className(config) ?? null)} (model_type ${JSON.stringify(config.value("model_type") ?? null)}), which Coppice's kernels do not know.`,
    `Use a model of one of these architectures: ${Object.values(KNOWN)
      .map((known) => known.className)
      .join(
        ", ",
      )} (Llama, SmolLM2, Mistral, Qwen2, Qwen2.5, Qwen3, Gemma 3). Others run from their ONNX files on the fallback (device 'wasm'), without token trees.`,
  );
}

function knownArchitecture(config: ConfigFields): FoundArchitecture | undefined {
  if (isNamed(config, MULTIMODAL)) {
    const fields = config.section("text_config");
    config.check(fields !== undefined, "text_config", "is missing");
    return { name: "gemma3", defaults: KNOWN.gemma3.defaults, fields: fields!, multimodal: true };
  }
  for (const [name, known] of Object.entries(KNOWN) as [Architecture, KnownArchitecture][]) {
    if (isNamed(config, known)) {
      return { name, defaults: known.defaults, fields: config, multimodal: false };
    }
  }
  return undefined;
}

/** Either name may be left out, but not both, and they may not differ. */
function isNamed(config: ConfigFields, known: { type: string; className: string }): boolean {
  const [type, name] = [config.value("model_type"), className(config)];
  const fits = (type ?? known.type) === known.type && (name ?? known.className) === known.className;
  return fits && (type ?? name) !== undefined;
}

function className(config: ConfigFields): unknown {
  const names = config.value("architectures");
  return Array.isArray(names) ? (names[0] as unknown) : undefined;
}
