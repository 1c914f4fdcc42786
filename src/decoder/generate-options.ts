/** What one request asks for, checked and with every default filled in. */
import { CoppiceError } from "../errors.ts";
import type { GenerateOptions, GreedyDecoder } from "../options.ts";
import { checkBoolean, checkChoice, checkInteger, checkRecord, invalid, show } from "./checks.ts";
import { resolveTree, type ResolvedTree } from "./tree-options.ts";

export interface ResolvedSpeculative {
  readonly kind: "speculative";
  readonly tree: ResolvedTree;
  readonly sampling: GreedyDecoder;
  readonly verify: "coupled";
}

export type ResolvedDecoder = GreedyDecoder | ResolvedSpeculative;

/** `GenerateOptions` as the worker gets them (the signal stays on the page), with defaults filled in. */
export interface ResolvedGenerate {
  readonly decoder: ResolvedDecoder;
  readonly seed: number;
  /** Undefined: as many as the context holds. */
  readonly maxNewTokens: number | undefined;
  readonly stop: readonly string[];
  readonly trees: boolean;
  /** What was asked for and does not apply, in words. */
  readonly warnings: readonly string[];
}

const FIELDS = [
  "decoder",
  "seed",
  "maxNewTokens",
  "stop",
  "trees",
] as const satisfies readonly (keyof GenerateOptions)[];
const DECODERS = ["greedy", "speculative"] as const;
const MAX_STOPS = 16;

/** @throws CoppiceError `option-unknown`, `option-invalid` or `tree-invalid`. */
export function resolveGenerateOptions(
  value: unknown,
  engine: { readonly hasDraft: boolean },
): ResolvedGenerate {
  const options = checkRecord("options", value ?? {}, FIELDS);
  const decoder = resolveDecoder(options.decoder, engine.hasDraft);
  const trees = checkBoolean("trees", options.trees, false);
  return {
    decoder,
    seed: checkInteger("seed", options.seed, 0, 0xffff_ffff, 0),
    maxNewTokens:
      options.maxNewTokens === undefined
        ? undefined
        : checkInteger("maxNewTokens", options.maxNewTokens, 1, Number.MAX_SAFE_INTEGER),
    stop: resolveStop(options.stop),
    trees,
    warnings:
      trees && decoder.kind === "greedy"
        ? ["trees is true, but the greedy decoder grows none."]
        : [],
  };
}

/** The prompt as text. Chats are refused until templates are there. */
export function checkPrompt(value: unknown): string {
  if (typeof value === "string") return value;
  throw invalid(
    "prompt",
    value,
    "a string",
    "Pass the prompt as one string; chat messages are not taken yet.",
  );
}

function resolveDecoder(value: unknown, hasDraft: boolean): ResolvedDecoder {
  if (value === undefined) return hasDraft ? speculative({}) : { kind: "greedy" };
  const { kind } = (typeof value === "object" && value !== null ? value : {}) as { kind?: unknown };
  const known = checkChoice("decoder.kind", kind, DECODERS);
  if (known === "greedy") return greedy("decoder", value);
  const decoder = speculative(value);
  if (hasDraft) return decoder;
  throw new CoppiceError(
    "option-invalid",
    'decoder.kind is "speculative", but no draft model is loaded.',
    'Load the engine with a draft model, or use { kind: "greedy" }.',
  );
}

function speculative(value: object | unknown): ResolvedSpeculative {
  const options = checkRecord("decoder", value, ["kind", "tree", "sampling", "verify"]);
  return {
    kind: "speculative",
    tree: resolveTree("decoder.tree", options.tree),
    sampling:
      options.sampling === undefined
        ? { kind: "greedy" }
        : greedy("decoder.sampling", options.sampling),
    verify: checkChoice("decoder.verify", options.verify, ["coupled"], "coupled"),
  };
}

function greedy(field: string, value: unknown): GreedyDecoder {
  // The kind first, so that another decoder's own fields are not what is complained about.
  const { kind } = (typeof value === "object" && value !== null ? value : {}) as { kind?: unknown };
  checkChoice(`${field}.kind`, kind, ["greedy"]);
  checkRecord(field, value, ["kind"]);
  return { kind: "greedy" };
}

function resolveStop(value: unknown): readonly string[] {
  if (value === undefined) return [];
  const fix = 'Pass a list such as ["\\n\\n"].';
  if (!Array.isArray(value)) throw invalid("stop", value, "a list of strings", fix);
  if (value.length > MAX_STOPS) {
    throw new CoppiceError(
      "option-invalid",
      `stop has ${value.length} strings; at most ${MAX_STOPS} are allowed.`,
      "Leave some out.",
    );
  }
  for (const [i, text] of value.entries()) {
    if (typeof text === "string" && text !== "") continue;
    throw invalid(
      `stop[${i}]`,
      text,
      "a string of at least one character",
      `Leave ${show(text)} out of stop.`,
    );
  }
  return [...value] as string[];
}
