/** What the superposed decoder was asked for, checked and with every default filled in. */
import { type NgramSource, SUPERPOSED_DEFAULTS, type SuperposedDecoder } from "../../options.ts";
import { checkChoice, checkInteger, checkNumber, checkRecord, invalid, show } from "../checks.ts";
import { type DraftsRequest, resolveDraftsRequest } from "../drafts-request.ts";
import { MOST_ORDER } from "./ngram-count.ts";

/** A source of n-grams, with its weight. */
export type ResolvedSource = {
  /** A share: those of all sources add up to 1. */
  readonly weight: number;
} & (
  | { readonly from: "model" | "prompt" }
  | { readonly text: string }
  | { readonly file: string | Blob | ArrayBuffer | Uint8Array<ArrayBuffer> }
);

export interface ResolvedReset {
  readonly every: number;
  readonly pick: "best" | "sample";
}

export interface ResolvedSuperposed {
  readonly drafts: number;
  readonly candidates: number;
  readonly alpha: number;
  readonly temperature: number;
  readonly lambdas: readonly number[];
  /** Undefined: the model's table where there is one. */
  readonly ngrams: readonly ResolvedSource[] | undefined;
  readonly maxDraftTokens: number;
  readonly reset: ResolvedReset | undefined;
}

/** A request for drafts. */
export interface ResolvedDrafts {
  readonly decoder: ResolvedSuperposed;
  readonly seed: number;
  /** Tokens per draft. */
  readonly steps: number;
  readonly roundsPerReadback: number | undefined;
  readonly warnings: readonly string[];
}

const FIELDS = [
  "kind",
  "drafts",
  "ngrams",
  "alpha",
  "temperature",
  "candidates",
  "lambdas",
  "maxDraftTokens",
  "reset",
] as const satisfies readonly (keyof SuperposedDecoder)[];

const MOST_DRAFTS = 10;
const MOST_CANDIDATES = 64;
const MOST_SOURCES = 8;
const MOST_TOKENS = 256;

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolveDrafts(
  options: DraftsRequest,
  engine: { readonly vocabSize: number },
): ResolvedDrafts {
  const { maxNewTokens = Infinity, ...request } = resolveDraftsRequest(options, engine);
  const decoder = resolveSuperposed(options.decoder, engine.vocabSize);
  const warnings = [...request.warnings];
  if (request.seed !== 0 && decoder.reset?.pick !== "sample") {
    warnings.push('seed is given, but nothing is drawn: only reset with pick "sample" draws.');
  }
  if (decoder.reset && decoder.reset.every >= decoder.maxDraftTokens) {
    warnings.push("reset.every is not below maxDraftTokens, so there is no reset.");
  }
  return { ...request, decoder, steps: Math.min(decoder.maxDraftTokens, maxNewTokens), warnings };
}

function resolveSuperposed(value: object, vocabSize: number): ResolvedSuperposed {
  const options = checkRecord("decoder", value, FIELDS);
  const defaults = SUPERPOSED_DEFAULTS;
  const drafts = checkInteger("decoder.drafts", options.drafts, 2, MOST_DRAFTS, defaults.drafts);
  const usual = Math.min(defaults.candidatesPerDraft * drafts, vocabSize);
  const most = Math.min(MOST_CANDIDATES, vocabSize);
  const { temperature } = options;
  return {
    drafts,
    candidates: checkInteger("decoder.candidates", options.candidates, drafts, most, usual),
    alpha: checkNumber("decoder.alpha", options.alpha, 0, 1, defaults.alpha),
    temperature: checkNumber("decoder.temperature", temperature, 0.001, 100, defaults.temperature),
    lambdas: resolveLambdas("decoder.lambdas", options.lambdas),
    ngrams: resolveSources("decoder.ngrams", options.ngrams),
    maxDraftTokens: checkInteger(
      "decoder.maxDraftTokens",
      options.maxDraftTokens,
      1,
      MOST_TOKENS,
      defaults.maxDraftTokens,
    ),
    reset: options.reset === undefined ? undefined : resolveReset("decoder.reset", options.reset),
  };
}

function resolveReset(field: string, value: unknown): ResolvedReset {
  const { every, pick } = checkRecord(field, value, ["every", "pick"]);
  return {
    every: checkInteger(`${field}.every`, every, 1, MOST_TOKENS),
    pick: checkChoice(`${field}.pick`, pick, ["best", "sample"], "best"),
  };
}

function resolveLambdas(field: string, value: unknown): readonly number[] {
  if (value === undefined) return SUPERPOSED_DEFAULTS.lambdas;
  const rule = `a list of 1 to ${MOST_ORDER - 1} numbers from 0 to 1, not all of them 0`;
  if (!Array.isArray(value) || value.length < 1 || value.length >= MOST_ORDER) {
    throw invalid(field, value, rule);
  }
  const lambdas = value.map((each, i) => checkNumber(`${field}[${i}]`, each ?? null, 0, 1, 0));
  if (lambdas.every((lambda) => lambda === 0)) throw invalid(field, value, rule);
  return lambdas;
}

function resolveSources(field: string, value: unknown): readonly ResolvedSource[] | undefined {
  if (value === undefined) return undefined;
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > MOST_SOURCES) {
    throw invalid(field, `${list.length} sources`, `at most ${MOST_SOURCES} sources`);
  }
  const sources = list.map((one, i) =>
    resolveSource(Array.isArray(value) ? `${field}[${i}]` : field, one),
  );
  const total = sources.reduce((sum, { weight }) => sum + weight, 0);
  return sources.map((source) => ({ ...source, weight: source.weight / total }));
}

const SOURCES = '"model", "prompt", { text } or { file }';

function resolveSource(field: string, value: unknown): ResolvedSource {
  if (value === "model" || value === "prompt") return { from: value, weight: 1 };
  if (typeof value !== "object" || value === null) throw invalid(field, value, SOURCES);
  const keys = ["from", "text", "file", "weight"] as const;
  const { from, text, file, weight: given } = checkRecord(field, value, keys);
  const kinds = [from, text, file].filter((one) => one !== undefined);
  if (kinds.length !== 1) throw invalid(field, value, `one of ${SOURCES}`);
  const weight = checkNumber(`${field}.weight`, given, Number.MIN_VALUE, 1000, 1);
  if (from !== undefined)
    return { from: checkChoice(`${field}.from`, from, ["model", "prompt"]), weight };
  if (text !== undefined) {
    if (typeof text !== "string" || text === "") {
      throw invalid(`${field}.text`, text, "a string of at least one character");
    }
    return { text, weight };
  }
  if (typeof file === "string" && /^(https?:\/\/|\/)./.test(file)) return { file, weight };
  if (file instanceof Blob || file instanceof ArrayBuffer) return { file, weight };
  if (file instanceof Uint8Array) return { file: file as Uint8Array<ArrayBuffer>, weight };
  const fix = "Pass new URL(path, location.href).href, or the file's content.";
  throw invalid(
    `${field}.file`,
    file,
    'a URL that is absolute or starts with "/", a Blob or bytes',
    fix,
  );
}

/** What to say of n-grams that were not given, or are not used. */
export function ngramWarnings(
  { alpha }: ResolvedSuperposed,
  given: { readonly alpha?: unknown },
  sources: number,
): string[] {
  if (sources > 0 && alpha > 0) return [];
  if (sources > 0)
    return [
      "alpha is 0, so the n-grams are not used, and drafts are cross products of likely tokens.",
    ];
  const warnings = [
    "There are no n-grams, so nothing tells which token continues which draft: drafts are cross products of likely tokens. Give decoder.ngrams.",
  ];
  if (given.alpha !== undefined && alpha > 0) {
    warnings.push(`alpha is ${show(alpha)}, but without n-grams it has no meaning.`);
  }
  return warnings;
}

/** A source as the page wrote it; for messages. */
export function nameOf(source: ResolvedSource | NgramSource): string {
  if (typeof source === "string") return `"${source}"`;
  if ("from" in source) return `"${source.from}"`;
  if ("text" in source) return "the text";
  return typeof source.file === "string" ? source.file : "the file";
}
