/** What a request for drafts asks for, beside its decoder. */
import type { DraftsDecoder, DraftsOptions } from "../options.ts";
import { kindOf } from "./checks.ts";
import { resolveGenerateOptions } from "./generate-options.ts";

/** A request for drafts, of which no more is checked than what it is. */
export interface DraftsRequest {
  readonly decoder: { readonly kind: DraftsDecoder["kind"] };
}

export interface ResolvedDraftsRequest {
  readonly seed: number;
  /** Undefined: as many as there is room for. */
  readonly maxNewTokens: number | undefined;
  readonly roundsPerReadback: number | undefined;
  readonly warnings: string[];
}

const KINDS: readonly unknown[] = [
  "superposed",
  "beam",
  "samples",
] satisfies DraftsDecoder["kind"][];

/** What of a request applies; the rest, as far as other decoders know it, is warned of. */
const APPLY: readonly string[] = [
  "decoder",
  "seed",
  "maxNewTokens",
  "roundsPerReadback",
] satisfies (keyof DraftsOptions)[];

/** Whether a request, not checked yet, is for drafts. */
export function wantsDrafts(options: unknown): options is DraftsRequest {
  const { decoder } = (options ?? {}) as { decoder?: unknown };
  return KINDS.includes(kindOf(decoder));
}

/** @throws CoppiceError `option-unknown` or `option-invalid`. */
export function resolveDraftsRequest(
  options: DraftsRequest,
  engine: { readonly vocabSize: number },
): ResolvedDraftsRequest {
  // What all decoders have in common, and how it is checked.
  const shared = { ...options, decoder: { kind: "greedy" } };
  const request = resolveGenerateOptions(shared, { ...engine, hasDraft: false });
  const warnings = Object.entries(options)
    .filter(([name, value]) => !APPLY.includes(name) && isMeant(value))
    .map(([name]) => `${name} is given, but does not apply to drafts.`);
  const { seed, maxNewTokens, roundsPerReadback } = request;
  return { seed, maxNewTokens, roundsPerReadback, warnings };
}

/** False for what says the same as leaving the option out. */
function isMeant(value: unknown): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}
