/** Finds a model's ONNX file, for architectures that the kernels do not know: only the fallback runs it. */
import type { ResolvedLoad } from "../decoder/load-options.ts";
import { CoppiceError } from "../errors.ts";
import type { FallbackRequest, OnnxSource } from "../fallback/index.ts";
import { ConfigFields } from "../model/config-fields.ts";
import type { ModelFiles, TensorFile } from "../model/source/index.ts";
import { plannedFiles } from "../model/source/planned.ts";
import type { LoadHooks } from "./host-backend.ts";
import { backendTokenizer } from "./host-engine.ts";
import { chooseContext, type ConfigFacts, outline, tokenizerMissing } from "./host-models.ts";

/** Where optimum, onnx-community and onnxruntime-genai put a decoder, in the order they are looked for. */
const NAMES = ["onnx/model.onnx", "onnx/model_quantized.onnx", "model.onnx", "decoder.onnx"];

/**
 * WebAssembly addresses 4 GiB. Weights are in there twice while they are put in the order that the matrix products want, one
 * after another; caches and intermediate values need the rest.
 */
export const MOST_WEIGHT_BYTES = 3 * 2 ** 30;

const MOST_POSITIONS = 2 ** 24;

export function isUnknownArchitecture(error: unknown): error is CoppiceError {
  return CoppiceError.isInstance(error) && error.code === "architecture-unknown";
}

interface OnnxConfig extends ConfigFacts {
  readonly layers: number;
}

type OnnxOutline = Pick<FallbackRequest, "contextLength" | "tokenizer" | "endOfText"> & {
  readonly source: OnnxSource;
};

/**
 * The target as ONNX.
 * @throws CoppiceError `unknown`, the error that said that nothing else will do, where there is no such file.
 */
export async function outlineOnnx(
  { target, draft, contextLength }: ResolvedLoad,
  hooks: LoadHooks,
  unknown: CoppiceError,
): Promise<OnnxOutline> {
  if (target.layers !== undefined || draft) {
    throw new CoppiceError(
      unknown.code,
      unknown.message,
      "Load it from its ONNX file: without layers, and without a draft, which could not help it there.",
    );
  }
  const found = await outline("target", target, hooks, readOnnxConfig);
  const { files, config, tokenizer, chat } = found;
  if (!tokenizer) throw tokenizerMissing(files.label);
  const names = target.file?.endsWith(".onnx") ? [target.file] : NAMES;
  for (const name of names) {
    const file = await files.open(name);
    if (!file) continue;
    hooks.onOpen?.("target", found.folder, plannedFiles((await found.folder.list()) ?? [], name));
    const read = async (one: TensorFile): Promise<Uint8Array> => {
      const data = await readWhole(one);
      const bytes = data.length;
      hooks.onProgress({
        model: "target",
        file: one.name,
        loadedBytes: bytes,
        totalBytes: bytes,
      });
      return data;
    };
    const onnx = await read(file);
    const beside = await files.open(`${name}_data`);
    const path = `${name.split("/").at(-1)!}_data`;
    const external = beside ? [{ path, data: await read(beside) }] : [];
    const parameters = external.reduce((sum, { data }) => sum + data.length, onnx.length) / 4;
    return {
      source: {
        onnx,
        external,
        vocabSize: config.vocabSize,
        facts: {
          label: `${files.label} (${name})`,
          layers: config.layers,
          parameters: Math.round(parameters),
          vocabulary: config.vocabSize,
        },
      },
      tokenizer: backendTokenizer(tokenizer, chat),
      endOfText: tokenizer.endOfText,
      contextLength: chooseContext(contextLength, found, undefined),
    };
  }
  throw unknown;
}

/** What of any model's `config.json` the text needs. */
async function readOnnxConfig(files: ModelFiles): Promise<OnnxConfig> {
  const fields = new ConfigFields("config.json", await files.json("config.json"));
  const generation = await files.json("generation_config.json");
  const more =
    generation === undefined ? undefined : new ConfigFields("generation_config.json", generation);
  const vocabSize = fields.size("vocab_size", MOST_POSITIONS);
  const named = (...names: string[]): string =>
    names.find((name) => fields.value(name) !== undefined) ?? names[0]!;
  const context = named("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len");
  const contextLength = fields.size(context, MOST_POSITIONS, 2048);
  const ids = (name: string): number[] => {
    const given = more?.tokenIds(name, vocabSize) ?? [];
    return given.length > 0 ? given : fields.tokenIds(name, vocabSize);
  };
  return {
    vocabSize,
    contextLength,
    longestContext: contextLength,
    layers: fields.size(named("num_hidden_layers", "n_layer", "num_layers"), 4096),
    bosTokenId: ids("bos_token_id")[0],
    eosTokenIds: ids("eos_token_id"),
  };
}

async function readWhole(file: TensorFile): Promise<Uint8Array> {
  try {
    const { size, name } = file;
    if (size === undefined || size > MOST_WEIGHT_BYTES) {
      const has = size === undefined ? "does not say how large it is" : `has ${size} bytes`;
      throw new CoppiceError(
        "device-unsupported",
        `${name} ${has}; device "wasm" has room for ${MOST_WEIGHT_BYTES}.`,
        "Use a smaller model, or a server that tells a file's length.",
      );
    }
    return await file.read(0, size);
  } finally {
    file.dispose();
  }
}
