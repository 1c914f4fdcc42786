// What `npm run generate` accepts. Nothing is silently ignored: an unknown argument is refused.
import { parseArgs } from "node:util";

export const HELP = `npm run generate -- [options]

  --target <path|repo>    the model whose text is wanted: a folder, or a .gguf file; default: the embedded pair
  --draft <path|repo>     a smaller model that proposes tokens
  --draft-layers <n>      use only the draft's first n layers; without --draft, the target's own
  --draft-dtype <dtype>   how the draft's weights are kept; without --draft, the target as its own draft; default: --dtype
  --prompt <text>         default "Once upon a time"; "" is the beginning-of-text token alone
  --decoder <json|kind>   the API's decoder object, such as '{"kind":"greedy"}', or a kind alone, such as
                          mirostat, contrastive or superposed (which prints drafts, each with its perplexity, instead of a text)
                          default: speculative with a draft, else greedy
  --max-new-tokens <n>    default: as many as the context holds
  --overflow end|slide    what becomes of a text that fills the context; slide needs --max-new-tokens; default end
  --seed <n>              default 0
  --device webgpu|wasm    the GPU, or the processor by ONNX Runtime; default: the GPU where there is one
  --dtype <dtype>         how weights are kept: auto, f32, f16, q8 or q4; default: auto
  --context-length <n>    tokens of prompt and text together
  --json                  print one object on one line instead of the text
  --adapter auto|hardware|swiftshader
                          which adapter the browser is started with; default auto
  --help                  print this`;

/** An error that the engine did not raise, in the engine's form. */
export class CommandError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {string} fix
   */
  constructor(code, message, fix) {
    super(message);
    this.code = code;
    this.fix = fix;
  }
}

/** @param {string} message */
const invalid = (message) =>
  new CommandError("option-invalid", message, "Run with --help to see the options.");

/**
 * @param {string} name
 * @param {string | undefined} text
 */
function wholeNumber(name, text) {
  if (text === undefined) return undefined;
  if (!/^\d+$/.test(text)) throw invalid(`--${name} must be a whole number, not "${text}".`);
  return Number(text);
}

/** @param {string | undefined} text */
function decoderOf(text) {
  if (text === undefined) return undefined;
  if (/^[a-z]+$/.test(text)) return { kind: text };
  try {
    return JSON.parse(text);
  } catch (error) {
    throw invalid(`--decoder is not valid JSON: ${String(error)}`);
  }
}

/** @param {string[]} args */
function parse(args) {
  try {
    return parseArgs({
      args,
      options: {
        target: { type: "string" },
        draft: { type: "string" },
        "draft-layers": { type: "string" },
        "draft-dtype": { type: "string" },
        prompt: { type: "string" },
        decoder: { type: "string" },
        "max-new-tokens": { type: "string" },
        overflow: { type: "string" },
        seed: { type: "string" },
        device: { type: "string" },
        dtype: { type: "string" },
        "context-length": { type: "string" },
        adapter: { type: "string" },
        json: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    }).values;
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
}

/** @param {string[]} args */
export function readArguments(args) {
  const values = parse(args);
  const adapter = values.adapter ?? "auto";
  if (!["auto", "hardware", "swiftshader"].includes(adapter)) {
    throw invalid(`--adapter must be auto, hardware or swiftshader, not "${adapter}".`);
  }
  return {
    help: values.help,
    json: values.json,
    adapter: /** @type {import("../lib/browser.mjs").AdapterChoice} */ (adapter),
    target: values.target,
    draft: values.draft,
    draftLayers: wholeNumber("draft-layers", values["draft-layers"]),
    draftDtype: values["draft-dtype"],
    prompt: values.prompt ?? "Once upon a time",
    load: defined({
      device: values.device,
      dtype: values.dtype,
      contextLength: wholeNumber("context-length", values["context-length"]),
    }),
    generate: defined({
      decoder: decoderOf(values.decoder),
      seed: wholeNumber("seed", values.seed),
      maxNewTokens: wholeNumber("max-new-tokens", values["max-new-tokens"]),
      overflow: values.overflow,
    }),
  };
}

/**
 * Without the options that were not given, so that the engine's own defaults hold.
 * @param {Record<string, unknown>} options
 */
function defined(options) {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
